using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;

namespace MLNetLosses.UnitTests.Data;

[TestClass]
public class BatchQueueTests
{
    [TestMethod]
    [DataRow(1, 1)]
    [DataRow(1, 3)]
    [DataRow(3, 2)]
    [DataRow(4, 8)]
    public void ItemsComeInOrderAndNoneIsLeft(int threads, int capacity)
    {
        var items = new ItemCounter();
        using (var queue = new BatchQueue<Item>(5, 100, threads, capacity, (number, _) => items.Make(number)))
        {
            for (var expected = 5; expected < 100; expected++)
            {
                using var item = queue.Take();
                Assert.AreEqual(expected, item!.Number);
            }
            Assert.IsNull(queue.Take());
            Assert.IsNull(queue.Take());
        }
        Assert.AreEqual(0, items.Alive);
        Assert.AreEqual(95, items.Made);
    }

    [TestMethod]
    public void NoMoreItemsWaitThanTheCapacity()
    {
        var items = new ItemCounter();
        using var queue = new BatchQueue<Item>(0, 1000, 4, 3, (number, _) => items.Make(number));
        for (var i = 0; i < 200; i++)
        {
            using var item = queue.Take();
            Assert.IsTrue(items.Alive <= 4, "three in the queue and the one taken");
        }
    }

    [TestMethod]
    public void AnErrorComesInItsTurn()
    {
        var items = new ItemCounter();
        using (
            var queue = new BatchQueue<Item>(
                0,
                10,
                2,
                4,
                (number, _) => number == 3 ? throw new InvalidDataException("three") : items.Make(number)
            )
        )
        {
            for (var i = 0; i < 3; i++)
                queue.Take()!.Dispose();
            Assert.AreEqual("three", Assert.ThrowsExactly<InvalidDataException>(() => queue.Take()).Message);
        }
        Assert.AreEqual(0, items.Alive);
    }

    [TestMethod]
    public void LeavingEarlyStopsTheThreadsAndFreesWhatWasMade()
    {
        var items = new ItemCounter();
        using (var queue = new BatchQueue<Item>(0, 1_000_000, 3, 5, (number, _) => items.Make(number)))
            queue.Take()!.Dispose();
        var made = items.Made;
        Assert.AreEqual(0, items.Alive);
        Assert.AreEqual(made, items.Made);
        Assert.IsTrue(made <= 1 + 5 + 1);
    }

    [TestMethod]
    public void CancellingWakesTheConsumerAndItsThreads()
    {
        using var cancellation = new CancellationTokenSource();
        using var entered = new ManualResetEventSlim();
        using var queue = new BatchQueue<Item>(
            0,
            10,
            1,
            1,
            (_, stopped) =>
            {
                entered.Set();
                stopped.WaitHandle.WaitOne();
                throw new OperationCanceledException(stopped);
            }
        );
        var consumer = Task.Run(() => queue.Take(cancellation.Token));
        entered.Wait();
        cancellation.Cancel();
        Assert.IsInstanceOfType<OperationCanceledException>(
            Assert.ThrowsExactly<AggregateException>(() => consumer.Wait(30_000)).InnerException
        );
    }

    private sealed class ItemCounter
    {
        private int _alive;
        private int _made;

        public int Alive => Volatile.Read(ref _alive);

        public int Made => Volatile.Read(ref _made);

        public Item Make(int number)
        {
            Interlocked.Increment(ref _alive);
            Interlocked.Increment(ref _made);
            return new(number, () => Interlocked.Decrement(ref _alive));
        }
    }

    private sealed class Item(int number, Action disposed) : IDisposable
    {
        public int Number => number;

        public void Dispose() => disposed();
    }
}
