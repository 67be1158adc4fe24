"""What a fresh process does: opening is light, closing is clean."""

import subprocess
import sys
import textwrap


def run_python(code, *, timeout=120):
    return subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def assert_closed_cleanly(result):
    assert result.stdout.split() == ["closing", "left"], result.stderr
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert "QThread" not in result.stderr


def test_manifest_and_panels_do_not_import_torch():
    result = run_python(
        """
        import sys
        import napari, numpy
        from npe2 import PluginManager
        PluginManager.instance().discover()
        assert PluginManager.instance().get_manifest("napari-mmtseg")
        viewer = napari.Viewer(show=False)
        viewer.add_image(numpy.zeros((32, 32)))
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
        assert panel.run_button.isEnabled()
        viewer.add_labels(numpy.zeros((32, 32), int))
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
        assert panel.buttons["relabel"].isEnabled()
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Batch")
        assert panel.hint.text() == "Choose a folder of images."
        assert "torch" not in sys.modules
        viewer.close()
        print("opened")
        """
    )
    assert result.returncode == 0, result.stderr
    assert "opened" in result.stdout


def test_closing_napari_during_a_run_ends_it_cleanly():
    result = run_python(
        """
        import time
        import napari, numpy
        from qtpy.QtCore import QTimer
        viewer = napari.Viewer()
        image = numpy.random.default_rng(0).integers(0, 255, (96, 96), numpy.uint8)
        viewer.add_image(image)
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
        panel.form.widgets["preset"].value = "paper"
        panel.run_button.click()

        def close_when_running():
            if len(viewer.layers) < 2:
                return
            watch.stop()
            print("closing", flush=True)
            viewer.close()

        watch = QTimer()
        watch.timeout.connect(close_when_running)
        watch.start(20)
        napari.run()
        print("left", flush=True)
        """
    )
    assert_closed_cleanly(result)


def test_closing_napari_during_a_batch_ends_it_cleanly(tmp_path):
    (tmp_path / "images").mkdir()
    result = run_python(
        f"""
        from pathlib import Path
        import imageio.v3 as iio
        import napari, numpy
        from qtpy.QtCore import QTimer
        source = Path({str(tmp_path / "images")!r})
        image = numpy.random.default_rng(0).integers(0, 255, (96, 96), numpy.uint8)
        for name in ("a.png", "b.png"):
            iio.imwrite(source / name, image)
        viewer = napari.Viewer()
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Batch")
        panel.form.settings.widgets["preset"].value = "paper"
        panel.form.source.value = source

        def go_on():
            if not panel.is_running and panel.run_button.isEnabled():
                panel.run_button.click()
            elif len(panel.progress.curve.counts) > 1:
                watch.stop()
                print("closing", flush=True)
                viewer.close()

        watch = QTimer()
        watch.timeout.connect(go_on)
        watch.start(20)
        napari.run()
        print("left", flush=True)
        """
    )
    assert_closed_cleanly(result)
    assert not list((tmp_path / "images-labels").glob("*.tif"))


def test_closing_napari_during_an_edit_ends_it_cleanly():
    result = run_python(
        """
        import napari, numpy
        from qtpy.QtCore import QTimer
        viewer = napari.Viewer()
        labels = numpy.random.default_rng(0).integers(0, 5, (2048, 2048))
        viewer.add_labels(labels)
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")

        def close_at_work():
            assert panel.session.runner.is_busy
            print("closing", flush=True)
            viewer.close()

        QTimer.singleShot(1000, panel.buttons["smooth"].click)
        QTimer.singleShot(1100, close_at_work)
        napari.run()
        print("left", flush=True)
        """
    )
    assert_closed_cleanly(result)
