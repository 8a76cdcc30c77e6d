using System.Buffers.Binary;
using Google.Protobuf;
using MLNetLosses.Losses;
using MLNetLosses.Training;
using MLNetLosses.UnitTests.Imaging;
using MLNetLosses.UnitTests.Training;
using Tensorboard;

namespace MLNetLosses.UnitTests.Monitoring;

/// <summary>TensorBoard's files, read back by the TFRecord format with its checks, and by TensorFlow's own message definitions.</summary>
[TestClass]
public sealed class TensorBoardTests
{
    private readonly string folder = Directory.CreateTempSubdirectory("tensorboard").FullName;

    [TestCleanup]
    public void Delete() => Directory.Delete(folder, recursive: true);

    [TestMethod]
    [DataRow("", 0u)]
    [DataRow("123456789", 0xE3069283u)] // the check value of CRC-32C
    [DataRow("00000000000000000000000000000000", null)]
    public void ChecksAreThoseOfCrc32C(string text, uint? crc)
    {
        var data = System.Text.Encoding.ASCII.GetBytes(text);
        var expected = crc ?? BitByBit(data);
        Assert.AreEqual(expected, BitByBit(data));
        Assert.AreEqual(Mask(expected), RecordFile.MaskedCrc(data));
    }

    [TestMethod]
    public void ScalarsTextsAndSettingsAreRead()
    {
        using var toy = new Toy(loss: new CrossEntropyLoss() + 0.5 * new FocalLoss());
        var job = TrainingLogTests.Watched(
            toy,
            new() { Epochs = 3, Seed = 3 },
            new()
            {
                TensorBoardFolder = folder,
                SamplingShare = 1,
                Settings = new Dictionary<string, string> { ["backbone"] = "two layers | small" },
            }
        );
        var result = TrainingLoop.Run(job);
        var events = Read(Directory.GetFiles(folder).Single());
        Assert.AreEqual("brain.Event:2", events[0].FileVersion);
        Assert.IsTrue(events.All(e => DateTimeOffset.FromUnixTimeSeconds((long)e.WallTime) > DateTimeOffset.UtcNow.AddHours(-1)));
        var values = events.Where(e => e.Summary is not null).SelectMany(e => e.Summary.Value.Select(v => (e.Step, Value: v))).ToList();

        var losses = values.Where(v => v.Value.Tag == "train/loss").ToList();
        CollectionAssert.AreEqual(result.History.Select(e => e.Step).ToList(), losses.Select(v => v.Step).ToList());
        CollectionAssert.AreEqual(result.History.Select(e => (float)e.Loss).ToList(), losses.Select(v => v.Value.SimpleValue).ToList());
        CollectionAssert.AreEqual(
            result.History.Select(e => (float)e.Metrics!.Values["accuracy"]).ToList(),
            values.Where(v => v.Value.Tag == "validation/accuracy").Select(v => v.Value.SimpleValue).ToList()
        );
        foreach (
            var tag in new[]
            {
                "loss/crossEntropy",
                "gradient norm/focal",
                "gradient cosine/crossEntropy, focal",
                "optimizer/update ratio",
                "optimizer/learning rate",
            }
        )
            Assert.HasCount(9, values.Where(v => v.Value.Tag == tag).ToList(), tag);

        var text = values.Single(v => v.Value.Tag == "loss").Value;
        Assert.AreEqual("text", text.Metadata.PluginData.PluginName);
        Assert.AreEqual(DataType.DtString, text.Tensor.Dtype);
        StringAssert.Contains(text.Tensor.StringVal.Single().ToStringUtf8(), toy.Loss.Definition.ToString());
        StringAssert.Contains(
            values.Single(v => v.Value.Tag == "settings").Value.Tensor.StringVal.Single().ToStringUtf8(),
            "| backbone | two layers \\| small |"
        );
    }

    [TestMethod]
    public void HyperParametersAreInThePluginsMessages()
    {
        using var toy = new Toy();
        TrainingLoop.Run(TrainingLogTests.Watched(toy, new() { Epochs = 1 }, new() { TensorBoardFolder = folder }));
        var written = Values(Directory.GetFiles(folder).Single());
        var tagged = written
            .Where(v => v.Tag.StartsWith("_hparams_/", StringComparison.Ordinal))
            .ToDictionary(v => v.Tag, v => v.Metadata.PluginData);
        Assert.IsTrue(tagged.Values.All(p => p.PluginName == "hparams"));
        var start = Fields(Single(tagged["_hparams_/session_start_info"].Content, 3));
        var settings = start
            .Where(f => f.Field == 1)
            .Select(f => Fields(f.Bytes))
            .ToDictionary(
                entry => entry.Single(f => f.Field == 1).Bytes.ToStringUtf8(),
                entry => Google.Protobuf.WellKnownTypes.Value.Parser.ParseFrom(entry.Single(f => f.Field == 2).Bytes).StringValue
            );
        Assert.AreEqual("CrossEntropy()", settings["loss"]);
        Assert.AreEqual("1", settings["epochs"]);
        StringAssert.StartsWith(settings["optimizer"], "AdamW(");
        var names = Fields(Single(tagged["_hparams_/experiment"].Content, 2))
            .Where(f => f.Field == 4)
            .Select(f => Single(f.Bytes, 1).ToStringUtf8());
        CollectionAssert.AreEquivalent(settings.Keys, names.ToList());
        Assert.AreEqual(
            "train/loss, train/accuracy, validation/accuracy, validation/loss",
            string.Join(", ", Metrics(tagged["_hparams_/experiment"]))
        );
        Assert.AreEqual(1L, Fields(Single(tagged["_hparams_/session_end_info"].Content, 4)).Single(f => f.Field == 1).Number);
    }

    [TestMethod]
    public void MetricsThatAreComparedAreThoseOfTheTask()
    {
        using (var writer = new TensorBoardWriter(new() { TensorBoardFolder = folder }))
        {
            var history = new TrainingHistory();
            Put(new RunRecord());
            for (var epoch = 1; epoch <= 2; epoch++)
                Put(
                    new EpochRecord
                    {
                        Epoch = epoch,
                        Step = epoch,
                        Validation = new()
                        {
                            Metrics = new Dictionary<string, double> { ["meanIoU"] = 0.5, ["dice"] = double.NaN },
                            Classes = [new("cat", new Dictionary<string, double> { ["iou"] = 0.5 })],
                        },
                    }
                );

            void Put(LogRecord record)
            {
                history.Add(record);
                writer.Write(record, history);
            }
        }
        var experiment = Values(Directory.GetFiles(folder).Single()).Single(v => v.Tag == "_hparams_/experiment");
        CollectionAssert.AreEqual(
            (string[])["train/loss", "validation/meanIoU", "validation/dice"],
            Metrics(experiment.Metadata.PluginData)
        );
    }

    [TestMethod]
    [DataRow(true)]
    [DataRow(false)]
    public void PicturesKeepTheirBytesSizeAndPlaces(bool validates)
    {
        using var toy = new Toy();
        var picture = Png.Write(7, 5, Png.Rgb, 8, new byte[7 * 5 * 3]);
        var job = Job(toy, 2, validates ? toy.Validate : null, _ => picture);
        var result = TrainingLoop.Run(job);
        // Without validation no epoch is the best: the last one's are shown.
        var epochs = validates ? result.History.Where(e => e.IsBest) : result.History.TakeLast(1);
        var events = Read(Directory.GetFiles(folder).Single()).Where(e => e.Summary is not null).ToList();
        var images = events.SelectMany(e => e.Summary.Value.Where(v => v.Image is not null).Select(v => (e.Step, v.Tag, v.Image))).ToList();
        CollectionAssert.AreEqual(
            epochs.SelectMany(e => Enumerable.Range(1, 8).Select(place => (e.Step, $"hardest training rows/{place}"))).ToList(),
            images.Select(i => (i.Step, i.Tag)).ToList()
        );
        foreach (var (_, _, image) in images)
        {
            Assert.AreEqual((7, 5), (image.Width, image.Height));
            CollectionAssert.AreEqual(picture, image.EncodedImageString.ToByteArray());
        }
        var text = events.SelectMany(e => e.Summary.Value).Last(v => v.Tag == "hardest training rows");
        StringAssert.Matches(
            text.Tensor.StringVal.Single().ToStringUtf8(),
            new(@"\| 1 \| row \d+, label class \d, predicted class \d, loss [\d.]+ \|")
        );
    }

    [TestMethod]
    public void PicturesOfTheValidationAreShownWhereItIsTheBest()
    {
        using var toy = new Toy();
        var epoch = 0;
        TrainingLoop.Run(Job(toy, 3, _ => Validation(++epoch)));
        var events = Read(Directory.GetFiles(folder).Single()).Where(e => e.Summary is not null).ToList();
        CollectionAssert.AreEqual(
            (string[])["6: 5 x 1", "18: 5 x 3"],
            events
                .SelectMany(e =>
                    e.Summary.Value.Where(v => v.Tag == "predictions/1").Select(v => $"{e.Step}: {v.Image.Width} x {v.Image.Height}")
                )
                .ToArray()
        );
        var text = events.SelectMany(e => e.Summary.Value).Last(v => v.Tag == "predictions");
        StringAssert.Contains(text.Tensor.StringVal.Single().ToStringUtf8(), "| 1 | drawn at 3 |");

        static ValidationMetrics Validation(int epoch) =>
            new(new Dictionary<string, double> { ["mAP"] = epoch == 2 ? 0 : epoch }, "mAP")
            {
                Details = new() { Pictures = [new($"drawn at {epoch}", Png.Write(5, epoch, Png.Rgb, 8, new byte[5 * epoch * 3]))] },
            };
    }

    private TrainingJob Job(
        Toy toy,
        int epochs,
        Func<CancellationToken, ValidationMetrics>? validate,
        Func<RowReference, byte[]?>? picture = null
    ) =>
        new()
        {
            Network = toy.Network,
            Loss = toy.Loss,
            Batches = toy,
            Forward = toy.Forward,
            Validate = validate,
            Options = new() { Epochs = epochs, Seed = 3 },
            Monitoring = new() { TensorBoardFolder = folder, Picture = picture },
            DescribeRows = (batch, inputs) => TrainedRows.OfLogits(batch, inputs),
        };

    [TestMethod]
    [DataRow(true, 13L)]
    [DataRow(false, 0L)]
    public void LaterTrainingSaysWhatItReplaces(bool resumes, long from)
    {
        var checkpoint = Path.Combine(folder, "training.safetensors");
        var board = Path.Combine(folder, "board");
        var known = new HashSet<string>();
        foreach (var resume in new[] { false, resumes })
        {
            using var toy = new Toy();
            var job = TrainingLogTests.Watched(
                toy,
                new() { Epochs = 2 },
                new() { TensorBoardFolder = board },
                new(checkpoint) { Resume = resume }
            );
            TrainingLoop.Run(job);
            var events = Read(Directory.GetFiles(board).Single(known.Add));
            var restart = events.Single(e => e.SessionLog is not null);
            Assert.AreEqual(SessionLog.Types.SessionStatus.Start, restart.SessionLog.Status);
            Assert.AreEqual(resume ? from : 0, restart.Step);
            Assert.IsTrue(events[1].Equals(restart), "Before anything that it might drop.");
        }
    }

    /// <summary>All events of a file; fails where a length, a check or a message is wrong.</summary>
    /// <summary>The records.</summary>
    /// <param name="path">The file.</param>
    /// <param name="wasKilled">Whether the last may be cut off; TensorBoard passes over such a one.</param>
    internal static List<Event> Read(string path, bool wasKilled = false)
    {
        var events = new List<Event>();
        var data = File.ReadAllBytes(path).AsSpan();
        while (data.Length > 0)
        {
            if (wasKilled && (data.Length < 16 || data.Length < 16 + (int)BinaryPrimitives.ReadUInt64LittleEndian(data)))
                break;
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(data);
            Assert.AreEqual(Mask(BitByBit(data[..8])), BinaryPrimitives.ReadUInt32LittleEndian(data[8..]));
            var record = data.Slice(12, length).ToArray();
            Assert.AreEqual(Mask(BitByBit(record)), BinaryPrimitives.ReadUInt32LittleEndian(data[(12 + length)..]));
            events.Add(Event.Parser.ParseFrom(record));
            data = data[(16 + length)..];
        }
        return events;
    }

    internal static List<Summary.Types.Value> Values(string path) =>
        [.. Read(path).Where(e => e.Summary is not null).SelectMany(e => e.Summary.Value)];

    // The tags of an experiment's metrics.
    private static List<string> Metrics(SummaryMetadata.Types.PluginData data) =>
        [.. Fields(Single(data.Content, 2)).Where(f => f.Field == 5).Select(f => Single(Single(f.Bytes, 1), 2).ToStringUtf8())];

    // By the definition, without tables or the processor's instruction.
    private static uint BitByBit(ReadOnlySpan<byte> data)
    {
        var crc = ~0u;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc & 1) != 0 ? (crc >> 1) ^ 0x82F63B78u : crc >> 1;
        }
        return ~crc;
    }

    private static uint Mask(uint crc) => unchecked(((crc >> 15) | (crc << 17)) + 0xa282ead8u);

    private static ByteString Single(ByteString message, int field) => Fields(message).Single(f => f.Field == field).Bytes;

    private static List<(int Field, ByteString Bytes, long Number)> Fields(ByteString message)
    {
        var fields = new List<(int, ByteString, long)>();
        using var input = message.CreateCodedInput();
        while (input.ReadTag() is var tag and not 0)
        {
            var field = WireFormat.GetTagFieldNumber(tag);
            switch (WireFormat.GetTagWireType(tag))
            {
                case WireFormat.WireType.LengthDelimited:
                    fields.Add((field, input.ReadBytes(), 0));
                    break;
                case WireFormat.WireType.Varint:
                    fields.Add((field, ByteString.Empty, input.ReadInt64()));
                    break;
                default:
                    input.SkipLastField();
                    break;
            }
        }
        return fields;
    }
}
