using MLNetLosses.Losses;
using MLNetLosses.Networks;
using MLNetLosses.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Training;

/// <summary>A network of the library in the loop: convolutions, batch statistics, frozen layers, layers that learn more slowly.</summary>
[TestClass]
public sealed class BackboneTrainingTests
{
    private const int Frozen = 2;

    [TestMethod]
    public void FrozenLayersStayAndTheOthersLearnAtTheirPaceAlsoWhenResumed()
    {
        var folder = Directory.CreateTempSubdirectory("backbone");
        try
        {
            var path = Path.Combine(folder.FullName, "training.safetensors");
            var start = Train(path, epochsBeforeStop: 0, resume: false);
            var whole = Train(path, epochsBeforeStop: null, resume: false);
            Train(path, epochsBeforeStop: 1, resume: false);
            var resumed = Train(path, epochsBeforeStop: null, resume: true);
            using var network = Network();
            foreach (var name in start.Keys)
            {
                var learns = network.GroupOf(name) >= Frozen;
                Assert.AreEqual(!learns, start[name].AsSpan().SequenceEqual(whole[name]), name);
                CollectionAssert.AreEqual(whole[name], resumed[name], name);
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private static Dictionary<string, byte[]> Train(string path, int? epochsBeforeStop, bool resume)
    {
        using var scope = NewDisposeScope();
        using var source = new CancellationTokenSource();
        using var network = Network();
        using var loss = new CrossEntropyLoss().Build();
        var job = new TrainingJob
        {
            Network = network,
            Loss = loss,
            Batches = new Noise(epoch =>
            {
                if (epoch == epochsBeforeStop)
                    source.Cancel();
            }),
            Forward = batch => batch.Targets.With(("logits", network.call(batch.Input))),
            Options = new()
            {
                Epochs = 2,
                Optimizer = new Sgd { LearningRate = 0.1 },
            },
            Groups = ParameterGroup.From(
                network,
                (name, parameter) => (Math.Pow(0.5, network.LayerGroups.Count - 1 - network.GroupOf(name)), parameter.dim() < 2 ? 0 : 1)
            ),
            Generators = new Dictionary<string, Generator> { ["network"] = network.Randomness },
            Checkpoint = new(path) { Resume = resume },
        };
        TrainingLoop.Run(job, source.Token);
        return network.state_dict().ToDictionary(p => p.Key, p => p.Value.detach().clone().bytes.ToArray());
    }

    private static BackboneNetwork Network()
    {
        var network = BackboneNetwork.Create(Backbone.ResNet20Cifar, 3, seed: 1, inputChannels: 3);
        network.Freeze(Frozen);
        return network;
    }

    private sealed class Noise(Action<int> begin) : IBatchSource
    {
        public int BatchCount => 2;

        public IEnumerable<TrainingBatch> Read(int epoch, CancellationToken cancellation)
        {
            begin(epoch);
            using var generator = new Generator((ulong)epoch, CPU);
            for (var i = 0; i < BatchCount; i++)
                yield return new(
                    randn([4, 3, 8, 8], generator: generator).DetachFromDisposeScope(),
                    new LossInputs { ["targets"] = (arange(4, ScalarType.Int64) % 3).DetachFromDisposeScope() }
                );
        }
    }
}
