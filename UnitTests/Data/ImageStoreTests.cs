using Microsoft.ML.Data;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Data;
using MLNetLosses.UnitTests.Imaging;

namespace MLNetLosses.UnitTests.Data;

[TestClass]
public class ImageStoreTests
{
    private static readonly ImagePreprocessing Tiny = new() { Width = 4, Height = 4 };

    [TestMethod]
    [DataRow(0L, 0)]
    [DataRow(100L, 2)]
    [DataRow(1L << 20, 5)]
    public void ImagesAreKeptWhileTheBudgetHoldsThem(long budget, int kept)
    {
        using var store = new ImageStore(Tiny, budget);
        for (var i = 0; i < 5; i++)
            store.AddEncoded(TestImages.RgbPng(4, 4, (x, y) => (i, x, y)));
        var scratch = new byte[48];
        for (var round = 0; round < 2; round++)
        for (var i = 4; i >= 0; i--)
            Assert.AreEqual(i, store.Read(i, scratch)[0]);
        Assert.AreEqual(kept, store.Cached);
        Assert.AreEqual(0, store.Read(3, scratch)[16]);
        Assert.AreEqual(3, store.Read(3, scratch)[16 + 3]);
    }

    [TestMethod]
    public void FilesAreReadAgainOnlyBeyondTheBudget()
    {
        var folder = Directory.CreateTempSubdirectory("store");
        using var store = new ImageStore(Tiny, 48);
        for (var i = 0; i < 2; i++)
        {
            var path = Path.Combine(folder.FullName, $"{i}.png");
            File.WriteAllBytes(path, TestImages.RgbPng(4, 4, (_, _) => (i + 1, 0, 0)));
            store.AddFile(path);
        }
        var scratch = new byte[48];
        Assert.AreEqual(1, store.Read(0, scratch)[0]);
        Assert.AreEqual(2, store.Read(1, scratch)[0]);
        folder.Delete(recursive: true);
        Assert.AreEqual(1, store.Read(0, scratch)[0], "kept in memory");
        var error = Assert.ThrowsExactly<ImageDecodeException>(() => store.Read(1, scratch));
        Assert.AreEqual(1, error.Row);
        StringAssert.Contains(error.Message, "row 1");
        StringAssert.Contains(error.Message, "1.png");
    }

    [TestMethod]
    public void ImagesOfMLNetBeyondTheBudgetGoToATemporaryFileThatIsDeleted()
    {
        int[] before = [.. Spills()];
        using (var store = new ImageStore(Tiny, 48))
        {
            for (var i = 0; i < 4; i++)
            {
                using var image = MLImage.CreateFromStream(new MemoryStream(TestImages.RgbPng(8, 8, (_, _) => (10 * i, 5, 6))));
                store.AddImage(image);
            }
            var scratch = new byte[48];
            foreach (var row in new[] { 3, 0, 2, 1 })
            {
                var planes = store.Read(row, scratch);
                Assert.AreEqual(10 * row, planes[5]);
                Assert.AreEqual(6, planes[47]);
            }
            Assert.AreEqual(1, store.Cached);
        }
        CollectionAssert.AreEqual(before, Spills().ToArray());

        static IEnumerable<int> Spills() => [Directory.GetFiles(Path.GetTempPath(), "mlnetlosses-*.pixels").Length];
    }

    [TestMethod]
    public void UnreadableRowsAreFoundInOrderWithTheirNames()
    {
        using var store = new ImageStore(Tiny);
        store.AddEncoded(TestImages.RgbPng(4, 4, (_, _) => (9, 9, 9)), row: 10);
        store.AddFile("/nowhere/a.png", row: 11);
        store.AddEncoded(Array.Empty<byte>(), row: 15);
        store.AddFile("", row: 16);
        var problems = store.FindUndecodable(threads: 2);
        CollectionAssert.AreEqual(new[] { 1, 2, 3 }, problems.Keys);
        CollectionAssert.AreEqual(new long?[] { 11, 15, 16 }, problems.Values.Select(p => p.Row).ToArray());
        StringAssert.Contains(problems[1].Message, "row 11, '/nowhere/a.png'");
        StringAssert.Contains(problems[2].Message, "row 15");
        Assert.AreEqual(1, store.Cached);
    }

    [TestMethod]
    public void ReadingOnManyThreadsGivesEachRowItsPixels()
    {
        using var store = new ImageStore(Tiny, 48 * 150);
        for (var i = 0; i < 200; i++)
        {
            var value = i;
            store.AddEncoded(TestImages.RgbPng(4, 4, (_, _) => (value, 255 - value, 7)));
        }
        Parallel.For(
            0,
            2000,
            new ParallelOptions { MaxDegreeOfParallelism = 4 },
            i =>
            {
                var planes = store.Read(i * 7 % 200, new byte[48]);
                Assert.AreEqual(i * 7 % 200, planes[3]);
                Assert.AreEqual(255 - i * 7 % 200, planes[20]);
            }
        );
        Assert.AreEqual(150, store.Cached);
    }
}
