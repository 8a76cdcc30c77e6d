using System.Text.Json.Nodes;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Training;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>training.jsonl: what a line says, that whole lines survive a killed process, and that watching changes nothing.</summary>
[TestClass]
public sealed class TrainingLogTests
{
    private static readonly TrainingOptions Short = new()
    {
        Epochs = 5,
        Optimizer = new Sgd { LearningRate = 0.05 },
        Seed = 3,
    };

    private readonly string folder = Directory.CreateTempSubdirectory("log").FullName;

    private string File => Path.Combine(folder, "training.jsonl");

    [TestCleanup]
    public void Delete() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    public void EveryLineSaysWhatTheSchemaSays()
    {
        using var toy = new Toy(loss: new CrossEntropyLoss() + 0.5 * new FocalLoss());
        var job = Watched(
            toy,
            Short,
            new()
            {
                LogFile = File,
                SamplingShare = 1,
                Task = "toy",
                Classes = ["a", "b", "c"],
            }
        );
        TrainingLoop.Run(job);
        var lines = Lines();
        CollectionAssert.AreEqual(
            (string[])["run", .. Enumerable.Repeat((string[])["steps", "steps", "steps", "epoch"], 5).SelectMany(e => e), "end"],
            lines.Select(l => (string)l["kind"]!).Where(kind => kind != "finding").ToArray()
        );
        Assert.IsTrue(lines.All(l => DateTimeOffset.TryParse((string)l["time"]!, out _)));
        Assert.AreEqual(toy.Loss.Definition, Loss.FromJson(lines[0]["lossJson"]!.ToJsonString()));
        Assert.AreEqual(Short, TrainingOptions.Parse(lines[0]["options"]!.ToJsonString()));
        foreach (var steps in lines.Where(l => (string)l["kind"]! == "steps"))
        {
            foreach (var name in new[] { "crossEntropy", "focal" })
            {
                var term = steps["terms"]![name]!;
                Assert.AreEqual((double)term["value"]! * (double)term["weight"]!, (double)term["weighted"]!, 1e-5);
                Assert.IsGreaterThan(0, (double)term["gradientNorm"]!);
            }
            var cosine = (double)steps["gradientCosines"]!["crossEntropy, focal"]!;
            Assert.IsTrue(cosine is > 0 and <= 1, "Two losses of one family pull the same way.");
            Assert.IsTrue((double)steps["updateRatio"]! is > 0 and < 1);
            Assert.IsGreaterThan(0, (double)steps["gradientNorm"]!);
            Assert.IsGreaterThan(1e6, (double)steps["memory"]!["processBytes"]!);
            Assert.IsGreaterThan(0, (double)steps["imagesPerSecond"]!);
        }
        foreach (var epoch in lines.Where(l => (string)l["kind"]! == "epoch"))
        {
            Assert.HasCount(2, epoch["validation"]!["metrics"]!.AsObject());
            Assert.AreEqual("loss", (string)epoch["validation"]!["primary"]!);
            Assert.AreEqual(Toy.Rows, (int)epoch["train"]!["rowCount"]!);
            var hardest = epoch["train"]!["hardestRows"]!.AsArray();
            CollectionAssert.AreEqual(
                hardest.Select(r => (double)r!["loss"]!).OrderDescending().ToArray(),
                hardest.Select(r => (double)r!["loss"]!).ToArray()
            );
            Assert.Contains((string)hardest[0]!["label"]!, (string[])["a", "b", "c"]);
        }
        Assert.IsGreaterThan(0.9, (double)lines.Last(l => (string)l["kind"]! == "epoch")["train"]!["metrics"]!["accuracy"]!);
    }

    [TestMethod]
    public void GradientsOfTheTermsAreThoseOfTheFormula()
    {
        // One number, w = 2; terms (w x - t)^2 and |w x - t| have the gradients 2 x (w x - t) and x sign(w x - t).
        using var scope = NewDisposeScope();
        var network = nn.Linear(1, 1, hasBias: false, dtype: ScalarType.Float64);
        using (no_grad())
            network.weight!.fill_(2);
        using var loss = (new MeanSquaredErrorLoss() + 3.0 * new MeanAbsoluteErrorLoss()).Build(new() { DType = ScalarType.Float64 });
        var arena = new WeightArena(network, null, []);
        var gradients = new Gradients(arena);
        gradients.Clear();
        var value = loss.EvaluateTerms(
            new()
            {
                ["predictions"] = network.call(tensor(new[] { 3.0 }).reshape(1, 1)),
                ["targets"] = tensor(new[] { 10.0 }).reshape(1, 1),
            }
        );
        var measured = TermGradients.Measure(value, gradients);
        Assert.AreEqual(24, measured.Norms[0], 1e-12); // |2 * 3 * (6 - 10)|
        Assert.AreEqual(3, measured.Norms[1], 1e-12);
        Assert.AreEqual(1, measured.Cosines.Single().Cosine, 1e-12);
        Assert.IsNull(network.weight!.grad);
    }

    [TestMethod]
    [DataRow(null)]
    [DataRow("HomoscedasticUncertainty")]
    [DataRow("GradNorm")]
    public void WatchingChangesNothing(string? weighting)
    {
        var options = Short with
        {
            LossWeighting = weighting is null ? null : Loss.Parse<LossWeighting>(weighting),
            ClipNorm = 1,
            AccumulateBatches = 2,
        };
        CollectionAssert.AreEqual(Train(new() { SamplingShare = 0 }), Train(new() { SamplingShare = 1, LogFile = File }));

        byte[] Train(MonitoringOptions monitoring)
        {
            using var scope = NewDisposeScope();
            using var toy = new Toy(loss: new CrossEntropyLoss() + 0.5 * new FocalLoss(), dropout: 0.3);
            TrainingLoop.Run(Watched(toy, options, monitoring));
            return toy.Weights();
        }
    }

    [TestMethod]
    public void StateOfTheLossIsLogged()
    {
        using var toy = new Toy(loss: new CrossEntropyLoss() + 0.5 * new FocalLoss());
        TrainingLoop.Run(Watched(toy, Short with { LossWeighting = new HomoscedasticUncertaintyLoss() }, new() { LogFile = File }));
        var states = Lines().Where(l => (string)l["kind"]! == "steps").Select(l => l["lossState"]!.AsObject().Single()).ToList();
        StringAssert.StartsWith(states[0].Key, "weighting.");
        Assert.HasCount(2, states[0].Value!["values"]!.AsArray());
        Assert.AreNotEqual(states[0].Value!.ToJsonString(), states[^1].Value!.ToJsonString(), "The log variances learn.");
    }

    [TestMethod]
    public void ResumedTrainingGoesOnInTheSameFileAndCutsOffHalfALine()
    {
        var checkpoint = Path.Combine(folder, "training.safetensors");
        Train(stopAt: 3, resume: false);
        System.IO.File.AppendAllText(File, "{\"kind\":\"steps\",\"epo");
        Train(stopAt: null, resume: true);
        var history = TrainingHistory.Read(File);
        CollectionAssert.AreEqual((int[])[1, 2, 3, 4, 5], history.Epochs.Select(e => e.Epoch).ToArray());
        CollectionAssert.AreEqual(Enumerable.Range(1, 15).Select(i => 2L * i).ToArray(), history.Steps.Select(s => s.Step).ToArray());
        Assert.AreEqual("Completed", history.End!.Reason);
        Assert.AreEqual(3, history.Run.ResumedAfterEpoch);
        Assert.HasCount(2, Lines().Where(l => (string)l["kind"]! == "run").ToList());

        void Train(int? stopAt, bool resume)
        {
            using var scope = NewDisposeScope();
            using var cancel = new CancellationTokenSource();
            using var toy = new Toy { OnBatch = (epoch, batch) => cancelAt(epoch, batch) };
            void cancelAt(int epoch, int batch)
            {
                if (epoch == stopAt && batch == 3)
                    cancel.Cancel();
            }
            TrainingLoop.Run(Watched(toy, Short, new() { LogFile = File }, new(checkpoint) { Resume = resume }), cancel.Token);
        }
    }

    [TestMethod]
    [DataRow(0)]
    [DataRow(120)]
    public void KilledProcessLeavesWhatCanBeRead(int milliseconds)
    {
        var (report, board) = (Path.Combine(folder, "report.html"), Path.Combine(folder, "board"));
        using (var child = ChildProcess.Start(TrainForever, folder))
        {
            // Until the report has been written again while it trains; it is whole whenever it is looked at.
            for (var page = ""; !page.Contains("<h3>Loss</h3>", StringComparison.Ordinal); )
            {
                Assert.AreEqual("epoch", child.ReadLine());
                page = System.IO.File.ReadAllText(report);
                IsWhole(page);
            }
            Thread.Sleep(milliseconds);
            child.Kill();
            child.Wait();
        }
        var history = TrainingHistory.Read(File);
        Assert.IsGreaterThanOrEqualTo(3, history.Epochs.Count);
        Assert.IsNull(history.End);
        var last = System.IO.File.ReadAllText(report);
        IsWhole(last);
        StringAssert.Contains(last, "running, or cut off");
        var events = TensorBoardTests.Read(Directory.GetFiles(board).Single(), wasKilled: true);
        var losses = events.Where(e => e.Summary is not null).SelectMany(e => e.Summary.Value).Count(v => v.Tag == "train/loss");
        Assert.IsLessThanOrEqualTo(1, Math.Abs(history.Epochs.Count - losses), "Log and events end in the same epoch, or between them.");

        static void IsWhole(string page)
        {
            StringAssert.StartsWith(page, "<!DOCTYPE html>");
            StringAssert.EndsWith(page.TrimEnd(), "</html>");
        }
    }

    internal static int TrainForever(string[] arguments)
    {
        using var toy = new Toy();
        var recorder = new Recorder(p =>
        {
            if (p.Finished is not null)
                Console.WriteLine("epoch");
        });
        TrainingLoop.Run(
            new()
            {
                Network = toy.Network,
                Loss = toy.Loss,
                Batches = toy,
                Forward = toy.Forward,
                Options = Short with { Epochs = 1_000_000 },
                Progress = recorder,
                Monitoring = new()
                {
                    LogFile = Path.Combine(arguments[0], "training.jsonl"),
                    ReportFile = Path.Combine(arguments[0], "report.html"),
                    TensorBoardFolder = Path.Combine(arguments[0], "board"),
                },
            }
        );
        return 0;
    }

    [TestMethod]
    public void OriginOfNotANumberIsNamed()
    {
        using var toy = new Toy
        {
            Change = (epoch, batch, input) => epoch == 1 && batch == 2 ? input.index_fill(0, tensor(new[] { 4L }), double.NaN) : input,
        };
        var error = Assert.ThrowsExactly<TrainingDivergedException>(() => TrainingLoop.Run(Watched(toy, Short, new() { LogFile = File })));
        var history = TrainingHistory.Read(File);
        var finding = history.Findings.Single(f => f.Kind == FindingKind.NotANumber);
        StringAssert.Contains(finding.Evidence, $"The input holds 4 values that are no finite numbers, in row {error.Rows[4]}.");
        Assert.AreEqual(error.Message, history.End!.Error);
        Assert.AreEqual((2, 2), (finding.FirstEpoch, finding.LastEpoch));
        StringAssert.Contains(error.Message, $"). The input holds 4 values that are no finite numbers, in row {error.Rows[4]}. Mend");
        Assert.AreEqual(1, System.Text.RegularExpressions.Regex.Count(error.Message, "became NaN"));
    }

    [TestMethod]
    public void RowsThatNobodyFollowsAreNotInTheLog()
    {
        string[] members = ["hardestRows", "suspectRows", "suspectCount", "rowCount"];
        foreach (var isFollowed in new[] { true, false })
        {
            using var toy = new Toy();
            var job = Watched(toy, Short with { Epochs = 1 }, new() { LogFile = File }, followsRows: isFollowed);
            TrainingLoop.Run(job);
            var train = Lines().Single(l => (string)l["kind"]! == "epoch")["train"]!.AsObject();
            CollectionAssert.AreEqual(isFollowed ? members : [], members.Where(train.ContainsKey).ToArray());
            Assert.AreEqual(isFollowed ? Toy.Rows : 0, TrainingHistory.Read(File).Epochs.Single().Train.RowCount);
        }
    }

    [TestMethod]
    [DataRow(1234567.0, "1234567")]
    [DataRow(-9876543210.0, "-9876543210")]
    [DataRow(0.0, "0")]
    [DataRow(1234567.5, "1.23457E+06")]
    [DataRow(0.123456789, "0.123457")]
    [DataRow(1e30, "1E+30")]
    [DataRow(double.NaN, "\"NaN\"")]
    [DataRow(double.NegativeInfinity, "\"-Infinity\"")]
    public void WholeNumbersAreInFullAndOthersHaveSixDigits(double number, string text)
    {
        var line = LogJson.Write(new StepsRecord { Loss = number });
        StringAssert.Contains(line, $"\"loss\":{text},");
        var read = ((StepsRecord)LogJson.Read(line)!).Loss;
        Assert.IsTrue(read.Equals(number) || Math.Abs(read - number) <= 1e-5 * Math.Abs(number), $"{read}");
    }

    [TestMethod]
    public void PlaceThatCannotBeWrittenIsSaidAtOnce()
    {
        System.IO.File.WriteAllText(File, "");
        using var toy = new Toy();
        var error = Assert.ThrowsExactly<IOException>(() =>
            TrainingLoop.Run(Watched(toy, Short, new() { LogFile = Path.Combine(File, "training.jsonl") }))
        );
        StringAssert.Contains(error.Message, "Choose another place");
    }

    [TestMethod]
    public void DamagedLineIsNamed()
    {
        System.IO.File.WriteAllText(File, "{\"kind\":\"run\"}\n{\"kind\":\"later\",\"x\":1}\nno line\n");
        StringAssert.Contains(Assert.ThrowsExactly<InvalidDataException>(() => TrainingHistory.Read(File)).Message, "line 3");
    }

    private List<JsonObject> Lines() => [.. System.IO.File.ReadAllLines(File).Select(line => JsonNode.Parse(line)!.AsObject())];

    internal static TrainingJob Watched(
        Toy toy,
        TrainingOptions options,
        MonitoringOptions monitoring,
        CheckpointOptions? checkpoint = null,
        Func<CancellationToken, ValidationMetrics>? validate = null,
        bool followsRows = true,
        IProgress<TrainingProgress>? progress = null
    ) =>
        new()
        {
            Network = toy.Network,
            Loss = toy.Loss,
            Batches = toy,
            Forward = toy.Forward,
            Validate = validate ?? toy.Validate,
            Options = options,
            Monitoring = monitoring,
            ProgressInterval = 2,
            Progress = progress,
            Checkpoint = checkpoint,
            DescribeRows = followsRows ? (batch, inputs) => TrainedRows.OfLogits(batch, inputs) : null,
        };
}
