"""The networks of subevo as PyTorch modules whose state_dict has the names of `subevo export`.

`network(model, shape, classes)` builds one from the resolved `[model]` section of a campaign (a dict), the shape of an image
(channels, height, width) and the number of classes. Nothing here is taken from subevo's own code: the layers follow the papers,
so that equal outputs mean that both build the same network.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

ACTIVATIONS = {
    "relu": F.relu,
    "leaky": F.leaky_relu,
    "tanh": torch.tanh,
    "gelu": F.gelu,
    "identity": lambda x: x,
}


class Style:
    """The options that all models have."""

    def __init__(self, model, norm):
        self.act = ACTIVATIONS[model.get("activation", "relu")]
        self.norm = model.get("batchnorm", norm)
        self.factor = model.get("width", 1.0)

    def width(self, channels):
        """Half a channel is rounded away from zero, not to even."""
        return max(1, math.floor(self.factor * channels + 0.5))

    def bn(self, channels):
        return nn.BatchNorm2d(channels) if self.norm else nn.Identity()


class Act(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.act = act

    def forward(self, x):
        return self.act(x)


class Stack(nn.Module):
    """Convolutions (filters, kernel, stride, padding) and "pool", then one linear layer. Images of 28x28 get two zeros around."""

    def __init__(self, style, rows, shape, classes):
        super().__init__()
        frame = 2 if shape[1:] == (28, 28) else 0
        layers, channels = [], shape[0]
        for row in rows:
            if row == "pool":
                layers.append(nn.MaxPool2d(2))
                continue
            filters, kernel, stride, padding = row
            filters = style.width(filters)
            layers.append(nn.Conv2d(channels, filters, kernel, stride, padding + frame))
            if style.norm:
                layers.append(nn.BatchNorm2d(filters))
            layers.append(Act(style.act))
            channels, frame = filters, 0
        self.features = nn.Sequential(*layers)
        with torch.no_grad():
            flat = self.features.eval()(torch.zeros(1, *shape)).numel()
        self.features.train()
        self.classifier = nn.Linear(flat, classes)

    def forward(self, x):
        return self.classifier(self.features(x).flatten(1))


def alexnet(model, shape, classes):
    """Krizhevsky et al. 2012 as it is used on CIFAR."""
    rows = [(64, 11, 4, 5), "pool", (192, 5, 1, 2), "pool", (384, 3, 1, 1), (256, 3, 1, 1), (256, 3, 1, 1), "pool"]
    return Stack(Style(model, False), rows, shape, classes)


VGG = {
    11: [64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool"],
    13: [64, 64, "pool", 128, 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool"],
    16: [64, 64, "pool", 128, 128, "pool"] + [256] * 3 + ["pool"] + [512] * 3 + ["pool"] + [512] * 3 + ["pool"],
    19: [64, 64, "pool", 128, 128, "pool"] + [256] * 4 + ["pool"] + [512] * 4 + ["pool"] + [512] * 4 + ["pool"],
}


def vgg(model, shape, classes):
    """Simonyan & Zisserman 2015 with batch-norm, as it is used on CIFAR."""
    rows = VGG[int(model["name"][3:5])]
    rows = [row if row == "pool" else (row, 3, 1, 1) for row in rows]
    return Stack(Style(model, True), rows, shape, classes)


class Residual(nn.Module):
    """The basic block of He et al. 2016."""

    def __init__(self, style, inputs, outputs, stride, shortcut):
        super().__init__()
        self.act, self.shortcut, self.stride = style.act, shortcut, stride
        self.inputs, self.outputs = inputs, outputs
        bias = not style.norm
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=bias)
        self.bn1 = style.bn(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=bias)
        self.bn2 = style.bn(outputs)
        self.downsample = None
        if (stride != 1 or inputs != outputs) and shortcut != "pad":
            layers = [nn.Conv2d(inputs, outputs, 1, stride, bias=bias)]
            if shortcut == "projection" and style.norm:
                layers.append(nn.BatchNorm2d(outputs))
            self.downsample = nn.Sequential(*layers)

    def forward(self, x):
        y = self.act(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.downsample is not None:
            x = self.downsample(x)
        elif self.stride != 1 or self.inputs != self.outputs:
            more = self.outputs - self.inputs
            x = F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, more // 2, more - more // 2))
        return self.act(x + y)


class ResNet(nn.Module):
    """He et al. 2016, section 4.2: depth 6n + 2."""

    def __init__(self, model, shape, classes):
        super().__init__()
        style = Style(model, True)
        self.act = style.act
        n = (model["depth"] - 2) // 6
        shortcut = model.get("shortcut", "projection")
        widths = [style.width(16), style.width(32), style.width(64)]
        self.conv1 = nn.Conv2d(shape[0], widths[0], 3, 1, 1, bias=not style.norm)
        self.bn1 = style.bn(widths[0])
        channels = widths[0]
        for stage, width in enumerate(widths):
            blocks = []
            for i in range(n):
                stride = 2 if stage > 0 and i == 0 else 1
                blocks.append(Residual(style, channels, width, stride, shortcut))
                channels = width
            setattr(self, f"layer{stage + 1}", nn.Sequential(*blocks))
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.act(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


class WideBlock(nn.Module):
    def __init__(self, style, inputs, outputs, stride, rate):
        super().__init__()
        self.act, self.rate = style.act, rate
        bias = not style.norm
        self.bn1 = style.bn(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=bias)
        self.bn2 = style.bn(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=bias)
        self.convShortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=bias) if inputs != outputs else None

    def forward(self, x):
        y = self.act(self.bn1(x))
        short = x if self.convShortcut is None else self.convShortcut(y)
        y = self.act(self.bn2(self.conv1(y)))
        y = F.dropout(y, self.rate, self.training)
        return self.conv2(y) + short


class WideBlocks(nn.Module):
    def __init__(self, blocks):
        super().__init__()
        self.layer = nn.Sequential(*blocks)

    def forward(self, x):
        return self.layer(x)


class WideResNet(nn.Module):
    """Zagoruyko & Komodakis 2016: pre-activation blocks, depth 6n + 4."""

    def __init__(self, model, shape, classes):
        super().__init__()
        style = Style(model, True)
        self.act = style.act
        n, k = (model["depth"] - 4) // 6, model["widen"]
        widths = [style.width(w) for w in (16, 16 * k, 32 * k, 64 * k)]
        self.conv1 = nn.Conv2d(shape[0], widths[0], 3, 1, 1, bias=not style.norm)
        channels = widths[0]
        for stage, width in enumerate(widths[1:]):
            blocks = []
            for i in range(n):
                stride = 2 if stage > 0 and i == 0 else 1
                blocks.append(WideBlock(style, channels, width, stride, model.get("dropout", 0.0)))
                channels = width
            setattr(self, f"block{stage + 1}", WideBlocks(blocks))
        self.bn1 = style.bn(channels)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(self.act(self.bn1(x)).mean((2, 3)))


class Bottleneck(nn.Module):
    def __init__(self, style, channels, growth):
        super().__init__()
        self.act = style.act
        bias = not style.norm
        self.bn1 = style.bn(channels)
        self.conv1 = nn.Conv2d(channels, 4 * growth, 1, bias=bias)
        self.bn2 = style.bn(4 * growth)
        self.conv2 = nn.Conv2d(4 * growth, growth, 3, padding=1, bias=bias)

    def forward(self, x):
        y = self.conv1(self.act(self.bn1(x)))
        y = self.conv2(self.act(self.bn2(y)))
        return torch.cat((x, y), 1)


class Transition(nn.Module):
    def __init__(self, style, inputs, outputs):
        super().__init__()
        self.act = style.act
        self.bn1 = style.bn(inputs)
        self.conv1 = nn.Conv2d(inputs, outputs, 1, bias=not style.norm)

    def forward(self, x):
        return F.avg_pool2d(self.conv1(self.act(self.bn1(x))), 2)


class DenseNet(nn.Module):
    """Huang et al. 2017, DenseNet-BC: depth 6n + 4, bottlenecks, compressing transitions."""

    def __init__(self, model, shape, classes):
        super().__init__()
        style = Style(model, True)
        self.act = style.act
        n = (model["depth"] - 4) // 6
        growth = style.width(model["growth"])
        channels = 2 * growth
        self.conv1 = nn.Conv2d(shape[0], channels, 3, padding=1, bias=not style.norm)
        for stage in range(3):
            blocks = []
            for _ in range(n):
                blocks.append(Bottleneck(style, channels, growth))
                channels += growth
            setattr(self, f"dense{stage + 1}", nn.Sequential(*blocks))
            if stage < 2:
                fewer = math.floor(channels * model.get("compression", 0.5))
                setattr(self, f"trans{stage + 1}", Transition(style, channels, fewer))
                channels = fewer
        self.bn = style.bn(channels)
        self.fc = nn.Linear(channels, classes)

    def forward(self, x):
        x = self.trans1(self.dense1(self.conv1(x)))
        x = self.dense3(self.trans2(self.dense2(x)))
        return self.fc(self.act(self.bn(x)).mean((2, 3)))


class Conv2(nn.Module):
    """Two convolutions with pooling and a linear layer: `conv2` and `conv2-bn`."""

    def __init__(self, model, shape, classes):
        super().__init__()
        published = model["name"] == "conv2-bn"
        style = Style(model, published)
        self.act = style.act
        kernel = 3 if published else 5
        first, second = (style.width(c) for c in model.get("channels", [16, 32] if published else [8, 16]))
        bias = not (published and style.norm)
        self.conv1 = nn.Conv2d(shape[0], first, kernel, padding=kernel // 2, bias=bias)
        self.bn1 = style.bn(first)
        self.conv2 = nn.Conv2d(first, second, kernel, padding=kernel // 2, bias=bias)
        self.bn2 = style.bn(second)
        self.fc = nn.Linear(second * (shape[1] // 4) * (shape[2] // 4), classes)

    def forward(self, x):
        x = F.max_pool2d(self.act(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(self.act(self.bn2(self.conv2(x))), 2)
        return self.fc(x.flatten(1))


class LeNet(nn.Module):
    """LeCun et al. 1998 with relu and max-pooling; `lenet5` pads small images by 2, `lenet` never."""

    def __init__(self, model, shape, classes):
        super().__init__()
        style = Style(model, False)
        self.act = style.act
        padding = 2 if model["name"] == "lenet5" and shape[1] <= 28 else 0
        first, second, third, fourth = (style.width(n) for n in (6, 16, 120, 84))
        self.conv1 = nn.Conv2d(shape[0], first, 5, padding=padding)
        self.bn1 = style.bn(first)
        self.conv2 = nn.Conv2d(first, second, 5)
        self.bn2 = style.bn(second)
        side = [((n + 2 * padding - 4) // 2 - 4) // 2 for n in shape[1:]]
        self.fc1 = nn.Linear(second * side[0] * side[1], third)
        self.fc2 = nn.Linear(third, fourth)
        self.fc3 = nn.Linear(fourth, classes)

    def forward(self, x):
        x = F.max_pool2d(self.act(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(self.act(self.bn2(self.conv2(x))), 2)
        x = self.act(self.fc2(self.act(self.fc1(x.flatten(1)))))
        return self.fc3(x)


class Mlp(nn.Module):
    """Linear layers."""

    def __init__(self, model, shape, classes):
        super().__init__()
        style = Style(model, False)
        self.act = style.act
        sizes = [math.prod(shape), *(style.width(n) for n in model.get("hidden", [200, 200])), classes]
        self.layers = len(sizes) - 1
        for i in range(self.layers):
            setattr(self, f"fc{i + 1}", nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(self.layers):
            x = getattr(self, f"fc{i + 1}")(x)
            x = self.act(x) if i + 1 < self.layers else x
        return x


class Gressmann(nn.Module):
    """Gressmann, Eaton-Rosen & Luschi 2020: no padding, pooling behind the first two convolutions."""

    def __init__(self, model, shape, classes):
        super().__init__()
        style = Style(model, False)
        self.act = style.act
        channels = [shape[0], *(style.width(c) for c in (32, 64, 64))]
        for i in range(3):
            setattr(self, f"conv{i + 1}", nn.Conv2d(channels[i], channels[i + 1], 3))
            setattr(self, f"bn{i + 1}", style.bn(channels[i + 1]))
        side = [((n - 2) // 2 - 2) // 2 - 2 for n in shape[1:]]
        self.fc1 = nn.Linear(channels[3] * side[0] * side[1], style.width(64))
        self.fc2 = nn.Linear(style.width(64), classes)

    def forward(self, x):
        x = F.max_pool2d(self.act(self.bn1(self.conv1(x))), 2)
        x = F.max_pool2d(self.act(self.bn2(self.conv2(x))), 2)
        x = self.act(self.bn3(self.conv3(x)))
        return self.fc2(self.act(self.fc1(x.flatten(1))))


class NeuroEvoBench(nn.Module):
    """Lange et al. 2023: convolutions that keep the image's size, and their mean."""

    def __init__(self, model, shape, classes):
        super().__init__()
        style = Style(model, False)
        self.act = style.act
        first, second = style.width(8), style.width(16)
        self.conv1 = nn.Conv2d(shape[0], first, 5, padding=2)
        self.bn1 = style.bn(first)
        self.conv2 = nn.Conv2d(first, second, 5, padding=2)
        self.bn2 = style.bn(second)
        self.conv3 = nn.Conv2d(second, classes, 1)

    def forward(self, x):
        x = self.act(self.bn1(self.conv1(x)))
        x = self.act(self.bn2(self.conv2(x)))
        return self.conv3(x).mean((2, 3))


NETWORKS = {
    "alexnet-cifar": alexnet,
    "conv2": Conv2,
    "conv2-bn": Conv2,
    "densenet-bc": DenseNet,
    "gressmann": Gressmann,
    "lenet": LeNet,
    "lenet5": LeNet,
    "mlp": Mlp,
    "neuroevobench": NeuroEvoBench,
    "resnet-cifar": ResNet,
    "vgg11-bn": vgg,
    "vgg13-bn": vgg,
    "vgg16-bn": vgg,
    "vgg19-bn": vgg,
    "wrn": WideResNet,
}


def inject(net, every, shape):
    """Adds a frozen random projection of the images to the output of every `every`-th layer, in the order of computation;
    shortcuts and the last layer are not counted."""
    order, hooks = [], []
    layers = [m for n, m in net.named_modules() if isinstance(m, (nn.Conv2d, nn.Linear)) and "hortcut" not in n and "downsample" not in n]
    for layer in layers:
        hooks.append(layer.register_forward_hook(lambda m, _, y: order.append((m, y.shape[1:]))))
    with torch.no_grad():
        net(torch.zeros(2, *shape))
    for hook in hooks:
        hook.remove()
    seen = {}
    net.register_forward_pre_hook(lambda _, inputs: seen.update(images=inputs[0]))
    for i, (layer, out) in enumerate(order[:-1][every - 1 :: every]):
        if len(out) == 1:
            projection = nn.Linear(math.prod(shape), out[0], bias=False)
            reduce = lambda x: x.flatten(1)
        else:
            more = (out[1] - shape[1]) // 2
            projection = nn.Conv2d(shape[0], out[0], 1, padding=max(0, more), bias=False)
            stride = max(1, shape[1] // out[1])
            size = max(1, shape[1] - (out[1] - 1) * stride)
            reduce = lambda x, size=size, stride=stride: F.avg_pool2d(x, size, stride)
        projection.requires_grad_(False)
        setattr(net, f"inject{i + 1}", projection)
        layer.register_forward_hook(lambda _, __, y, p=projection, r=reduce: y + p(r(seen["images"])))
    return net


def network(model, shape, classes):
    """The module of a `[model]` section, with PyTorch's own draw of weights."""
    shape = tuple(shape)
    net = NETWORKS[model["name"]](model, shape, classes)
    return inject(net, model["inject"], shape) if model.get("inject", 0) else net
