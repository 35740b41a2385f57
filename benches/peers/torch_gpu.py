"""Times PyTorch (torch.func.vmap, SNES in a few lines) on its first GPU, else on the CPU: `pip install torch numpy`."""

import math

import torch
import torch.nn.functional as F

from task import EPSILON, SEED, SIGMA, Net, parser, run


class Torch(Net):
    def join(self, parts, axis, positions):
        return torch.index_select(torch.cat(parts, axis), axis, positions)

    def convolve(self, x, weight, bias, stride, padding):
        return F.conv2d(x, weight, bias, stride, padding)

    def normalise(self, x, scale, shift):
        variance, mean = torch.var_mean(x, (0, 2, 3), correction=0)
        factor = scale * torch.rsqrt(variance + EPSILON)
        offset = shift - mean * factor
        return torch.addcmul(offset[:, None, None], x, factor[:, None, None])

    def relu(self, x):
        return torch.relu_(x)

    def pool(self, x):
        return F.max_pool2d(x, 2)


def evaluator(task, device, chunk, split, compiled):
    """A function of genomes, images and labels that gives the members' losses."""
    weights = {name: [torch.tensor(part, device=device) for part in parts] for name, parts in task.weights.items()}
    positions = {name: torch.tensor(rows, device=device) for name, rows in task.positions.items()}

    def member(genome, images, labels):
        net = Torch(task.with_genome(weights, genome), positions, split)
        return F.cross_entropy(task.case.network(net, images), labels)

    members = torch.func.vmap(member, (0, None, None))
    if compiled:
        members = torch.compile(members, dynamic=False)
    return lambda genomes, images, labels: torch.cat([members(part, images, labels) for part in genomes.split(chunk)])


class Snes:
    """Wierstra et al. 2014, with the defaults of evosax and of `subevo`."""

    def __init__(self, population, k, device):
        ranks = torch.arange(1, population + 1, device=device)
        raw = torch.clamp(math.log(population / 2 + 1) - torch.log(ranks), min=0)
        self.utilities = raw / raw.sum() - 1 / population
        self.rate = (3 + math.log(k)) / (5 * math.sqrt(k))
        self.shape = population, k
        self.mean = torch.zeros(k, device=device)
        self.sigma = torch.full((k,), SIGMA, device=device)

    def ask(self):
        self.noise = torch.randn(self.shape, device=self.mean.device)
        return torch.addcmul(self.mean, self.sigma, self.noise)

    def tell(self, losses):
        of_member = torch.empty_like(self.utilities)
        of_member[losses.argsort()] = self.utilities
        self.mean += self.sigma * (of_member @ self.noise)
        self.sigma *= torch.exp(self.rate / 2 * (of_member @ (self.noise**2 - 1)))


class Peer:
    def __init__(self, tf32, compiled):
        torch.backends.cuda.matmul.allow_tf32 = tf32
        torch.backends.cudnn.allow_tf32 = tf32
        torch.backends.cudnn.benchmark = True
        self.cuda = torch.cuda.is_available()
        self.device = torch.device("cuda:0" if self.cuda else "cpu")
        self.compiled = compiled
        self.about = {
            "peer": "torch",
            "versions": {
                "torch": torch.__version__,
                "cuda": torch.version.cuda,
                "cudnn": torch.backends.cudnn.version(),
            },
            "device": torch.cuda.get_device_name(self.device) if self.cuda else "cpu",
            "matmul_precision": "tf32" if tf32 else "highest",
            "compiled": compiled,
        }

    def generation(self, task, options, chunk):
        if self.cuda:
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats()
        torch.manual_seed(SEED)
        evaluate = evaluator(task, self.device, chunk, options.split, self.compiled)
        strategy = Snes(options.population, task.k, self.device)
        images = torch.tensor(task.images, device=self.device)
        labels, order = (torch.tensor(rows, device=self.device).long() for rows in (task.labels, task.order))

        @torch.no_grad()
        def generation(step):
            losses = evaluate(strategy.ask(), images[order[step]], labels[order[step]])
            strategy.tell(losses)
            loss = losses.mean()
            if self.cuda:
                torch.cuda.synchronize()
            return float(loss)

        return generation

    def out_of_memory(self, error):
        return isinstance(error, torch.OutOfMemoryError)

    def peak_mib(self):
        return torch.cuda.max_memory_allocated() / 2**20 if self.cuda else None


def main():
    options = parser(__doc__)
    options.add_argument("--tf32", action="store_true", help="products and convolutions in TF32 instead of f32")
    options.add_argument("--compile", action="store_true", help="evaluate through torch.compile")
    options = options.parse_args()
    run(Peer(options.tf32, options.compile), options)


if __name__ == "__main__":
    main()
