using System.Collections.Concurrent;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Scoring;

namespace MLNetLosses.UnitTests.Scoring;

[TestClass]
public class BlockDataViewTests
{
    public sealed class Input
    {
        public float Value { get; set; }
        public string Name { get; set; } = "";
    }

    public sealed class Output
    {
        public string Name { get; set; } = "";
        public float Doubled { get; set; }
    }

    /// <summary>Doubles a number, and notes what it was asked to do.</summary>
    private sealed class Doubler(DataViewSchema schema, int blockSize = 4)
        : BlockScorer<float, float[], float>(schema, [new DataViewSchema.DetachedColumn("Doubled", NumberDataViewType.Single, null)])
    {
        public ConcurrentQueue<int> Scored { get; } = [];
        public int Discarded;
        public int Prepared;
        public Action<float> OnPrepare { get; init; } = _ => { };

        public override IReadOnlyList<DataViewSchema.Column> Inputs => [Schema.Input["Value"]];

        public override int BlockSize => blockSize;

        public override Func<float> CreateReader(DataViewRow row)
        {
            var getter = row.GetGetter<float>(Schema.Input["Value"]);
            return () =>
            {
                var value = 0f;
                getter(ref value);
                return value;
            };
        }

        public override float[] Prepare(IReadOnlyList<float> items)
        {
            Interlocked.Increment(ref Prepared);
            foreach (var item in items)
                OnPrepare(item);
            return [.. items];
        }

        public override IReadOnlyList<float> Score(float[] block)
        {
            Scored.Enqueue(block.Length);
            return [.. block.Select(value => 2 * value)];
        }

        public override void Discard(float[] block) => Interlocked.Increment(ref Discarded);

        public override Delegate CreateGetter(int output, Func<float> current) =>
            (ValueGetter<float>)((ref float value) => value = current());
    }

    private static readonly MLContext Context = new(1);

    private static IDataView Rows(int count) =>
        Context.Data.LoadFromEnumerable(Enumerable.Range(0, count).Select(i => new Input { Value = i, Name = $"row {i}" }).ToList());

    private static BlockDataView<float, float[], float> View(IDataView rows, out Doubler scorer, int blockSize = 4) =>
        new(rows, scorer = new Doubler(rows.Schema, blockSize));

    [TestMethod]
    [DataRow(0)]
    [DataRow(1)]
    [DataRow(3)]
    [DataRow(4)]
    [DataRow(21)]
    public void EveryRowGetsItsOwnResultBesideItsOwnColumns(int count)
    {
        var view = View(Rows(count), out _);
        var rows = Context.Data.CreateEnumerable<Output>(view, reuseRowObject: false).ToList();
        Assert.HasCount(count, rows);
        for (var i = 0; i < count; i++)
        {
            Assert.AreEqual($"row {i}", rows[i].Name);
            Assert.AreEqual(2f * i, rows[i].Doubled);
        }
    }

    [TestMethod]
    public void RowsAreScoredInBlocks()
    {
        var view = View(Rows(50), out var scorer, blockSize: 16);
        Assert.AreEqual(50, view.GetColumn<float>("Doubled").Count());
        CollectionAssert.AreEqual(new[] { 8, 16, 16, 10 }, scorer.Scored.ToArray());
    }

    [TestMethod]
    public void NothingIsScoredWhenTheResultIsNotAskedFor()
    {
        var view = View(Rows(9), out var scorer);
        Assert.AreEqual(9, view.GetColumn<string>("Name").Count());
        Assert.AreEqual(0, scorer.Prepared);
    }

    [TestMethod]
    public void AShuffledViewKeepsRowsTogether()
    {
        var shuffled = View(Context.Data.ShuffleRows(Rows(30), seed: 5), out _);
        var rows = Context.Data.CreateEnumerable<Output>(shuffled, reuseRowObject: false).ToList();
        CollectionAssert.AreNotEqual(Enumerable.Range(0, 30).Select(i => $"row {i}").ToList(), rows.Select(r => r.Name).ToList());
        foreach (var row in rows)
            Assert.AreEqual(row.Name, $"row {row.Doubled / 2}");
    }

    [TestMethod]
    public void ACursorShufflesWithTheCallersGenerator()
    {
        var view = View(Context.Data.Cache(Rows(30)), out _);
        using var cursor = view.GetRowCursor(view.Schema, new Random(3));
        var name = cursor.GetGetter<ReadOnlyMemory<char>>(view.Schema["Name"]);
        var doubled = cursor.GetGetter<float>(view.Schema["Doubled"]);
        var moved = false;
        for (var i = 0; cursor.MoveNext(); i++)
        {
            ReadOnlyMemory<char> text = default;
            var value = 0f;
            name(ref text);
            doubled(ref value);
            Assert.AreEqual($"row {value / 2}", text.ToString());
            moved |= value != 2 * i;
        }
        Assert.IsTrue(moved, "The rows came in their stored order.");
    }

    [TestMethod]
    public void DataThatDoesNotRepeatItselfIsRefused()
    {
        var random = new Random(1);
        IEnumerable<Input> Changing()
        {
            var count = random.Next(5, 90);
            for (var i = 0; i < count; i++)
                yield return new Input { Value = i };
        }

        var view = View(Context.Data.LoadFromEnumerable(Changing()), out _);
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => view.GetColumn<float>("Doubled").Count());
        StringAssert.Contains(error.Message, "second time");
    }

    [TestMethod]
    public void AnErrorOfTheReaderReachesTheCaller()
    {
        var rows = Rows(20);
        var scorer = new Doubler(rows.Schema)
        {
            OnPrepare = value =>
            {
                if (value == 13)
                    throw new InvalidDataException("row 13 is bad");
            },
        };
        var view = new BlockDataView<float, float[], float>(rows, scorer);
        var error = Assert.ThrowsExactly<InvalidDataException>(() => view.GetColumn<float>("Doubled").Count());
        Assert.AreEqual("row 13 is bad", error.Message);
    }

    [TestMethod]
    public void LeavingEarlyStopsTheReaderAndGivesUpItsBlocks()
    {
        var view = View(Rows(100_000), out var scorer);
        using (var cursor = view.GetRowCursor(view.Schema))
            Assert.IsTrue(cursor.MoveNext());
        Assert.AreEqual(scorer.Prepared, scorer.Scored.Count + scorer.Discarded);
        Assert.IsLessThan(10, scorer.Prepared);
    }

    [TestMethod]
    public void ARowMapperScoresARowOnceAndPassesColumnsThrough()
    {
        var rows = Rows(3);
        var scorer = new Doubler(rows.Schema);
        var mapper = new BlockRowMapper<float, float[], float>(scorer);
        CollectionAssert.AreEquivalent(
            new[] { "Value", "Name" },
            mapper.GetDependencies([mapper.OutputSchema["Doubled"], mapper.OutputSchema["Name"]]).Select(c => c.Name).ToArray()
        );
        CollectionAssert.AreEqual(new[] { "Name" }, mapper.GetDependencies([mapper.OutputSchema["Name"]]).Select(c => c.Name).ToArray());
        using var cursor = rows.GetRowCursor(rows.Schema);
        var row = mapper.GetRow(cursor, mapper.OutputSchema);
        var doubled = row.GetGetter<float>(mapper.OutputSchema["Doubled"]);
        var again = row.GetGetter<float>(mapper.OutputSchema["Doubled"]);
        for (var i = 0; cursor.MoveNext(); i++)
        {
            float first = 0,
                second = 0;
            doubled(ref first);
            again(ref second);
            Assert.AreEqual(2f * i, first);
            Assert.AreEqual(2f * i, second);
        }
        Assert.HasCount(3, scorer.Scored);
    }

    [TestMethod]
    public void AGetterOfAnotherTypeIsRefusedByName()
    {
        var view = View(Rows(3), out _);
        using var cursor = view.GetRowCursor(view.Schema);
        var error = Assert.ThrowsExactly<InvalidOperationException>(() => cursor.GetGetter<int>(view.Schema["Doubled"]));
        StringAssert.Contains(error.Message, "'Doubled'");
    }
}
