import subprocess
import sys

import torch

from napari_mmtseg.engine.peer import GradientDescent


def test_the_same_steps_as_those_of_torch():
    def trained(make):
        generator = torch.Generator().manual_seed(0)
        network = torch.nn.Linear(3, 2)
        with torch.no_grad():
            network.weight.copy_(torch.rand(2, 3, generator=generator))
            network.bias.zero_()
        optimizer = make(network.parameters())
        for _ in range(5):
            optimizer.zero_grad()
            network(torch.ones(4, 3)).square().sum().backward()
            optimizer.step()
        return network.weight.detach().clone()

    ours = trained(lambda p: GradientDescent(p, 0.01, 0.9))
    assert torch.equal(ours, trained(lambda p: torch.optim.SGD(p, 0.01, 0.9)))


def test_no_compiler_is_loaded():
    """Triton's LLVM and that of Mesa, which draws napari's canvas, end the process."""
    script = (
        "import sys\n"
        "import numpy as np\n"
        "import napari_mmtseg as mm\n"
        "image = np.eye(16)\n"
        "mm.segment(image, n_steps=2, warm_start_steps=1)\n"
        "mm.segment(image, method='kim', n_steps=2)\n"
        "volume = np.stack([image] * 3)\n"
        "mm.segment(volume, stack='volume', n_steps=2, warm_start_steps=1)\n"
        "print({'torch._dynamo', 'triton'} & set(sys.modules))\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "set()"
