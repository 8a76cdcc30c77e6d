using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

[TestClass]
public sealed class WeightArenaTests
{
    [TestMethod]
    public void NetworkComputesAndLearnsAsBefore()
    {
        using var scope = NewDisposeScope();
        using var toy = new Toy();
        var before = toy.Weights();
        var input = randn(6, 4);
        var (outputs, gradients) = Run(toy, input);
        var arena = new WeightArena(toy.Network, null, []);
        using (no_grad())
            toy.Network.named_buffers().First(b => b.name == "norm.running_mean").buffer.zero_();
        using (no_grad())
            toy.Network.named_buffers().First(b => b.name == "norm.running_var").buffer.fill_(1);
        using (no_grad())
            toy.Network.named_buffers().First(b => b.name == "norm.num_batches_tracked").buffer.zero_();
        CollectionAssert.AreEqual(before, toy.Weights());
        new Gradients(arena).Clear();
        var (after, gradientsAfter) = Run(toy, input);
        Assert.IsTrue(outputs.eq(after).all().item<bool>());
        for (var i = 0; i < gradients.Length; i++)
            Assert.IsTrue(gradients[i].eq(gradientsAfter[i]).all().item<bool>());
        using (no_grad())
            arena.Weights.zero_();
        Assert.AreEqual(0, toy.Network.parameters().Sum(p => p.abs().sum().item<float>()));
        Assert.AreEqual(0, toy.Network.named_buffers().First(b => b.name == "norm.running_var").buffer.sum().item<float>());
    }

    [TestMethod]
    public void NetworkOutlivesTheArena()
    {
        using var toy = new Toy();
        byte[] before;
        using (NewDisposeScope())
        {
            before = toy.Weights();
            _ = new WeightArena(toy.Network, null, []);
        }
        CollectionAssert.AreEqual(before, toy.Weights());
        using var copied = new Toy();
        using var saved = new MemoryStream();
        toy.Network.save(saved);
        using var stream = new MemoryStream(saved.ToArray());
        copied.Network.load(stream);
        CollectionAssert.AreEqual(before, copied.Weights());
    }

    [TestMethod]
    public void OrderOfMemoryIsKept()
    {
        using var scope = NewDisposeScope();
        using var network = nn.Conv2d(4, 6, 3);
        using (no_grad())
            network.weight!.set_(network.weight!.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2));
        var values = network.weight!.detach().clone();
        var arena = new WeightArena(network, null, []);
        CollectionAssert.AreEqual(new long[] { 36, 1, 12, 4 }, network.weight!.stride());
        Assert.IsTrue(values.eq(network.weight!).all().item<bool>());
        // The step must pair each weight with its own gradient, however that lies in memory.
        var gradient = randn(network.weight!.shape);
        network.weight!.grad = gradient;
        network.bias!.grad = zeros_like(network.bias!);
        new VectorUpdater<float>(new Sgd { Momentum = 0 }, arena, new Gradients(arena)).Step(0.5, new(1));
        Assert.IsLessThan(1e-6f, (network.weight! - (values - (0.5 * gradient))).abs().max().item<float>());
    }

    [TestMethod]
    public void FlatGradientsCanBeReadAndReplaced()
    {
        using var scope = NewDisposeScope();
        using var toy = new Toy();
        var gradients = new Gradients(new WeightArena(toy.Network, null, []));
        toy.Network.call(randn(6, 4)).pow(2).mean().backward();
        var flat = gradients.Flat();
        Assert.AreEqual(gradients.Length, flat.shape[0]);
        gradients.Set(flat * 2);
        var first = gradients.Segments[0];
        Assert.IsLessThan(1e-6f, (first.View(flat) * 2 - first.Parameter.grad!).abs().max().item<float>());
        gradients.Clear();
        Assert.AreEqual(0, gradients.Flat().abs().sum().item<float>());
        Assert.ThrowsExactly<ArgumentException>(() => gradients.Set(zeros(3)));
    }

    [TestMethod]
    public void GroupsThatDoNotFitAreRefused()
    {
        using var scope = NewDisposeScope();
        using var toy = new Toy();
        var all = toy.Network.parameters().ToArray();
        StringAssert.Contains(Refuse([new("head", all[..2])]), "norm.weight requires a gradient and is in no group");
        StringAssert.Contains(Refuse([new("all", all), new("again", all[..1])]), "first.weight is in two parameter groups");
        StringAssert.Contains(Refuse([new("all", [.. all, new(zeros(2))])]), "not the network's");
        StringAssert.Contains(Refuse([new("all", all) { LearningRateFactor = double.NaN }]), "LearningRateFactor");
        all[0].requires_grad = false;
        StringAssert.Contains(Refuse([new("all", all)]), "first.weight, which is frozen");

        string Refuse(ParameterGroup[] groups) =>
            Assert.ThrowsExactly<ArgumentException>(() => new WeightArena(toy.Network, groups, [])).Message;
    }

    private static (Tensor Output, Tensor[] Gradients) Run(Toy toy, Tensor input)
    {
        toy.Network.train();
        var output = toy.Network.call(input);
        output.pow(2).mean().backward();
        return (output.detach(), [.. toy.Network.parameters().Select(p => p.grad!.clone())]);
    }
}
