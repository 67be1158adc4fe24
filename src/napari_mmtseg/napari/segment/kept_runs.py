"""The offer of slices that a run has left, in the Segment panel."""

from __future__ import annotations

from collections.abc import Callable, Generator
from typing import TYPE_CHECKING

from qtpy.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from napari_mmtseg.napari.layers.result import LayerResult
from napari_mmtseg.napari.layers.source import LayerSelection
from napari_mmtseg.napari.segment.job import Job, Segmented, origin
from napari_mmtseg.napari.segment.kept_slices import KeptRun, kept_runs
from napari_mmtseg.napari.shared.wrapped_label import WrappedLabel
from napari_mmtseg.progress import SegmentationStep

if TYPE_CHECKING:
    from napari.components import ViewerModel


class KeptRuns(QWidget):
    """A sentence and two buttons, visible while there is something to offer.

    Nothing is offered before the first :meth:`look`. `start` starts a job of the panel,
    which shows the slices as a layer.
    """

    def __init__(self, viewer: ViewerModel, start: Callable[[Job], None]) -> None:
        super().__init__()
        self._viewer = viewer
        self._start = start
        self._runs: list[KeptRun] = []
        self._offered: tuple[KeptRun, LayerSelection] | None = None
        self._shown: KeptRun | None = None
        self.text = WrappedLabel()
        self.show_button = QPushButton("Show them")
        self.show_button.setToolTip("Add the finished slices as a Labels layer")
        self.discard_button = QPushButton("Discard")
        self.discard_button.setToolTip("Remove the finished slices from the disk")
        self.show_button.clicked.connect(self._show)
        self.discard_button.clicked.connect(self._discard)
        buttons = QHBoxLayout()
        buttons.addWidget(self.show_button)
        buttons.addWidget(self.discard_button)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.text)
        layout.addLayout(buttons)
        self.hide()

    def look(self) -> None:
        """Look for runs that were left, and offer one of an image in the viewer."""
        self._runs = kept_runs()
        self.refresh()

    def refresh(self) -> None:
        """Offer the latest run whose image is in the viewer."""
        found = ((run, run.source_in(self._viewer.layers)) for run in self._runs)
        self._offered = next(((r, s) for r, s in found if s is not None), None)
        self.setVisible(self._offered is not None)
        if self._offered is not None:
            self.text.setText(str(self._offered[0]))

    def finished(self) -> None:
        """Forget a run whose slices are a layer now."""
        if self._shown is not None:
            self._forget(self._shown)

    def _show(self) -> None:
        if self._offered is not None:
            self._shown, source = self._offered
            self._start(_job(self._shown, source))

    def _discard(self) -> None:
        if self._offered is not None:
            self._forget(self._offered[0])

    def _forget(self, run: KeptRun) -> None:
        self._shown = None
        run.remove()
        self._runs = [other for other in self._runs if other != run]
        self.refresh()


def _job(run: KeptRun, source: LayerSelection) -> Job:
    """Return the job that reads the labels of a run."""

    def work() -> Generator[SegmentationStep, str | None, Segmented]:
        yield SegmentationStep("preparing", 0, 1)
        stack = source.as_stack(volumes=run.settings.stack == "volume")
        n_done, n = run.n_done, run.record["n_slices"]
        kept = LayerResult(source, None, {}, run.settings)
        kept.why_fixed = "Not all of it has labels."
        return Segmented(
            labels=source.place.arrange(run.labels(stack)),
            provenance={
                **origin(source),
                "settings": run.settings.to_dict(),
                "stop_reason": f"did not end; {n_done} of {n} slices were kept",
            },
            summary=f"{n_done} of {n} slices, from the run that did not end.",
            kept=kept,
        )

    return Job(source, f"Finished slices of {source.name}", lambda _: work())
