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


def test_torch_is_loaded_in_a_thread_once_the_panel_stands_there():
    result = run_python(
        """
        import sys, threading
        import napari, numpy
        from npe2 import PluginManager
        from qtpy.QtWidgets import QApplication
        PluginManager.instance().discover()
        assert PluginManager.instance().get_manifest("napari-mmtseg")
        viewer = napari.Viewer()
        viewer.add_image(numpy.zeros((32, 32)))
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Batch")
        assert panel.hint.text() == "Choose a folder of images."
        viewer.add_labels(numpy.zeros((32, 32), int))
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Edit labels")
        assert panel.buttons["relabel"].isEnabled()
        QApplication.processEvents()
        assert "torch" not in sys.modules

        loaders = []
        class Watch:
            def find_spec(self, name, path=None, target=None):
                if name == "torch":
                    loaders.append(threading.current_thread())
        sys.meta_path.insert(0, Watch())
        _, panel = viewer.window.add_plugin_dock_widget("napari-mmtseg", "Segment")
        assert panel.run_button.isEnabled()
        while not loaders:
            QApplication.processEvents()
        assert threading.main_thread() not in loaders
        viewer.close()
        print("opened")
        """
    )
    assert result.returncode == 0, result.stderr
    assert "opened" in result.stdout


def test_closing_napari_at_work_ends_it_cleanly(tmp_path):
    """A run, a batch and an edit are under way when the window is closed."""
    (tmp_path / "images").mkdir()
    result = run_python(
        f"""
        from pathlib import Path
        import imageio.v3 as iio
        import napari, numpy
        from qtpy.QtCore import QTimer
        rng = numpy.random.default_rng(0)
        image = rng.integers(0, 255, (96, 96), numpy.uint8)
        source = Path({str(tmp_path / "images")!r})
        for name in ("a.png", "b.png"):
            iio.imwrite(source / name, image)
        viewer = napari.Viewer()
        viewer.add_image(image)
        panels = {{}}
        for title in ("Segment", "Batch", "Edit labels"):
            _, panels[title] = viewer.window.add_plugin_dock_widget(
                "napari-mmtseg", title
            )
        segment, batch, edit = panels.values()
        segment.form.widgets["preset"].value = "paper"
        segment.run()
        batch.form.settings.widgets["preset"].value = "paper"
        batch.form.source.value = source

        def go_on():
            if not batch.is_running and batch.run_button.isEnabled():
                batch.run_button.click()
            if len(viewer.layers) > 1 and len(batch.progress.curve.counts) > 1:
                watch.stop()
                viewer.add_labels(rng.integers(0, 5, (2048, 2048)))
                QTimer.singleShot(1000, close_at_work)

        def close_at_work():
            edit.buttons["smooth"].click()
            assert segment.is_running
            assert batch.is_running
            assert edit.session.runner.is_busy
            print("closing", flush=True)
            viewer.close()

        watch = QTimer()
        watch.timeout.connect(go_on)
        watch.start(20)
        napari.run()
        print("left", flush=True)
        """
    )
    assert result.stdout.split() == ["closing", "left"], result.stderr
    assert result.returncode == 0, result.stderr
    assert "Traceback" not in result.stderr
    assert "QThread" not in result.stderr
    assert not list((tmp_path / "images-labels").glob("*.tif"))
