using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using TorchSharp;
using static MLNetLosses.UnitTests.Weights.TorchFiles;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Weights;

[TestClass]
public class TensorFileTests
{
    private static readonly float[] Six = [1, 2, 3, 4, 5, 6];

    private static TensorFile Read(byte[] bytes) => TensorFile.Read(bytes, "test.bin");

    private static float[] Values(TensorFile file, string name)
    {
        using var scope = NewDisposeScope();
        return file.Tensors[name].ToTensor().to(float32).flatten().data<float>().ToArray();
    }

    private static string Refusal(byte[] bytes)
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => Read(bytes).Dispose());
        StringAssert.Contains(error.Message, "'test.bin'");
        return error.Message;
    }

    private static Pickle Dictionary() => new Pickle().OrderedDict().Mark();

    private static byte[] OneTensor(
        string type = "FloatStorage",
        int count = 6,
        int offset = 0,
        int[]? shape = null,
        int[]? strides = null
    ) => Dictionary().Text("w").Tensor(type, "0", count, offset, shape ?? [2, 3], strides ?? [3, 1]).SetItems().Done();

    [TestMethod]
    public void ReadsZipAndLegacyAlike()
    {
        var legacy = Dictionary().Text("w").Tensor("FloatStorage", "0", 6, 0, [2, 3], [3, 1], legacy: true).SetItems().Done();
        foreach (
            var (bytes, format) in new[]
            {
                (Torch(OneTensor(), ("0", Floats(Six))), TensorFileFormat.PyTorchZip),
                (Legacy(legacy, true, ("0", 6, Floats(Six))), TensorFileFormat.PyTorchLegacy),
            }
        )
        {
            using var file = Read(bytes);
            Assert.AreEqual(format, file.Format);
            CollectionAssert.AreEqual(new long[] { 2, 3 }, file.Tensors["w"].Shape);
            CollectionAssert.AreEqual(Six, Values(file, "w"));
        }
    }

    [TestMethod]
    public void ReadsTransposedSharedAndRepeatedViews()
    {
        var pickle = Dictionary()
            .Text("transposed")
            .Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3])
            .Text("column")
            .Tensor("FloatStorage", "0", 6, 1, [2], [3])
            .Text("repeated")
            .Tensor("FloatStorage", "0", 6, 5, [2, 2], [0, 0])
            .Text("scalar")
            .Tensor("FloatStorage", "0", 6, 3, [], [])
            .Text("nothing")
            .Tensor("FloatStorage", "0", 6, 0, [0, 3], [3, 1])
            .SetItems()
            .Done();
        using var file = Read(Torch(pickle, ("0", Floats(Six))));
        CollectionAssert.AreEqual(new float[] { 1, 4, 2, 5, 3, 6 }, Values(file, "transposed"));
        CollectionAssert.AreEqual(new float[] { 2, 5 }, Values(file, "column"));
        CollectionAssert.AreEqual(new float[] { 6, 6, 6, 6 }, Values(file, "repeated"));
        CollectionAssert.AreEqual(new float[] { 4 }, Values(file, "scalar"));
        Assert.AreEqual(0, file.Tensors["scalar"].Shape.Length);
        Assert.IsEmpty(Values(file, "nothing"));
    }

    [TestMethod]
    [DataRow("FloatStorage", ScalarType.Float32, new byte[] { 0, 0, 0xC0, 0x3F }, 1.5f)]
    [DataRow("DoubleStorage", ScalarType.Float64, new byte[] { 0, 0, 0, 0, 0, 0, 0xF8, 0x3F }, 1.5f)]
    [DataRow("HalfStorage", ScalarType.Float16, new byte[] { 0, 0x3E }, 1.5f)]
    [DataRow("BFloat16Storage", ScalarType.BFloat16, new byte[] { 0xC0, 0x3F }, 1.5f)]
    [DataRow("LongStorage", ScalarType.Int64, new byte[] { 0xFE, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF }, -2f)]
    [DataRow("IntStorage", ScalarType.Int32, new byte[] { 7, 0, 0, 0 }, 7f)]
    [DataRow("ShortStorage", ScalarType.Int16, new byte[] { 7, 0 }, 7f)]
    [DataRow("CharStorage", ScalarType.Int8, new byte[] { 0xFF }, -1f)]
    [DataRow("ByteStorage", ScalarType.Byte, new byte[] { 0xFF }, 255f)]
    [DataRow("BoolStorage", ScalarType.Bool, new byte[] { 1 }, 1f)]
    public void ReadsEveryElementType(string storage, ScalarType type, byte[] element, float value)
    {
        using var file = Read(Torch(OneTensor(storage, 1, 0, [1], [1]), ("0", element)));
        Assert.AreEqual(type, file.Tensors["w"].Type);
        Assert.AreEqual(value, Values(file, "w").Single());
    }

    [TestMethod]
    public void ReadsAZip64Directory()
    {
        TorchFiles.Entry[] entries = [new("a/data.pkl", OneTensor()), new("a/data/0", Floats(Six))];
        using var file = Read(Zip(entries, zip64: true));
        CollectionAssert.AreEqual(Six, Values(file, "w"));
    }

    [TestMethod]
    [DataRow("state_dict", "module.")]
    [DataRow("model", "_orig_mod.")]
    [DataRow("model_state_dict", "module._orig_mod.")]
    [DataRow("weights", "")]
    public void FindsTheWeightsInACheckpoint(string key, string prefix)
    {
        var pickle = new Pickle()
            .Dict()
            .Mark()
            .Text("epoch")
            .Int(7)
            .Text("best")
            .Double(91.78)
            .Text(key)
            .OrderedDict()
            .Mark()
            .Text(prefix + "w")
            .Tensor("FloatStorage", "0", 6, 0, [6], [1])
            .SetItems()
            // What state_dict() attaches to the dictionary.
            .Dict()
            .Mark()
            .Text("_metadata")
            .OrderedDict()
            .SetItems()
            .Build()
            .SetItems()
            .Done();
        using var file = Read(Torch(pickle, ("0", Floats(Six))));
        CollectionAssert.AreEqual(new[] { "w" }, file.Tensors.Keys.ToArray());
    }

    [TestMethod]
    public void ReadsParametersAndTypedViewsOfBytes()
    {
        var pickle = Dictionary()
            .Text("parameter")
            .Global("torch._utils", "_rebuild_parameter")
            .Mark()
            .Tensor("FloatStorage", "0", 6, 0, [6], [1])
            .Bool(true)
            .OrderedDict()
            .Tuple()
            .Reduce()
            .Text("typed")
            .Global("torch._utils", "_rebuild_tensor_v3")
            .Mark()
            .Mark()
            .Text("storage")
            .Global("torch.storage", "UntypedStorage")
            .Text("1")
            .Text("cpu")
            .Int(4)
            .Tuple()
            .PersistentId()
            .Int(0)
            .Ints(2)
            .Ints(1)
            .Bool(false)
            .OrderedDict()
            .Global("torch", "bfloat16")
            .Tuple()
            .Reduce()
            .SetItems()
            .Done();
        using var file = Read(Torch(pickle, ("0", Floats(Six)), ("1", [0xC0, 0x3F, 0x80, 0x3F])));
        CollectionAssert.AreEqual(Six, Values(file, "parameter"));
        CollectionAssert.AreEqual(new[] { 1.5f, 1f }, Values(file, "typed"));
    }

    [TestMethod]
    [DataRow(5)]
    [DataRow(7)]
    public void RefusesStoragesOfAnotherSizeThanAnnounced(int count) =>
        StringAssert.Contains(Refusal(Torch(OneTensor(), ("0", new byte[4 * count]))), "announces 24");

    [TestMethod]
    [DataRow(1, new[] { 2, 3 }, new[] { 3, 1 }, "needs elements 1 to 7 of a storage of 6")]
    [DataRow(0, new[] { 2, 3 }, new[] { 4, 1 }, "needs elements 0 to 7")]
    [DataRow(-1, new[] { 2, 3 }, new[] { 3, 1 }, "negative")]
    [DataRow(0, new[] { -2, 3 }, new[] { 3, 1 }, "negative")]
    [DataRow(0, new[] { 2, 3 }, new[] { -3, 1 }, "negative")]
    [DataRow(0, new[] { int.MaxValue, int.MaxValue, int.MaxValue }, new[] { 0, 0, 0 }, "too large")]
    [DataRow(0, new[] { 0, int.MaxValue, int.MaxValue, int.MaxValue }, new[] { 0, 0, 0, 0 }, "too large")]
    [DataRow(0, new[] { int.MaxValue }, new[] { 0 }, "too large")]
    [DataRow(0, new[] { 2, 3 }, new[] { 1 }, "2 sizes and 1 strides")]
    public void RefusesViewsThatLeaveTheirStorage(int offset, int[] shape, int[] strides, string reason) =>
        StringAssert.Contains(Refusal(Torch(OneTensor("FloatStorage", 6, offset, shape, strides), ("0", Floats(Six)))), reason);

    [TestMethod]
    public void RefusesBigEndianFiles()
    {
        StringAssert.Contains(Refusal(Torch(OneTensor(), "big", ("0", Floats(Six)))), "byte order is 'big'");
        StringAssert.Contains(Refusal(Legacy(new Pickle().Dict().Done(), littleEndian: false)), "big-endian");
    }

    [TestMethod]
    public void RefusesZipFilesMadeToDeceive()
    {
        var pickle = new TorchFiles.Entry("a/data.pkl", OneTensor());
        var data = new TorchFiles.Entry("a/data/0", Floats(Six));
        StringAssert.Contains(Refusal(Zip([pickle, data with { Method = 8 }])), "'a/data/0' is compressed");
        StringAssert.Contains(
            Refusal(Zip([pickle, data with { ClaimedSize = 100 }])),
            "'a/data/0' of 100 bytes reaches into the directory"
        );
        StringAssert.Contains(Refusal(Zip([pickle, data with { ClaimedSize = 1000 }])), "'a/data/0' claims 1000 bytes");
        StringAssert.Contains(Refusal(Zip([pickle with { ClaimedSize = 200 }, data])), "overlap");
        StringAssert.Contains(Refusal(Zip([pickle, data, data])), "two entries named 'a/data/0'");
        StringAssert.Contains(Refusal(Zip([pickle])), "lacks the entry 'a/data/0'");
        StringAssert.Contains(Refusal(Zip([data])), "0 entries 'data.pkl'");
    }

    [TestMethod]
    public void RefusesLegacyFilesWhoseStoragesDoNotFollow()
    {
        var pickle = Dictionary().Text("w").Tensor("FloatStorage", "0", 6, 0, [6], [1], legacy: true).SetItems().Done();
        StringAssert.Contains(Refusal(Legacy(pickle, true)), "'0' is announced but does not follow");
        StringAssert.Contains(Refusal(Legacy(pickle, true, ("0", 5, Floats(Six)))), "5 elements, where its pickle announces 6");
        StringAssert.Contains(Refusal(Legacy(pickle, true, ("1", 6, Floats(Six)))), "names '1'");
        StringAssert.Contains(Refusal(Legacy(pickle, true, ("0", 6, Floats(1, 2)))), "24 bytes are announced where 8 are left");
    }

    [TestMethod]
    public void SaysWhatAFileIsThatIsNoWeights()
    {
        StringAssert.Contains(Refusal([]), "it is empty");
        StringAssert.Contains(Refusal("<!DOCTYPE html><html>"u8.ToArray()), "web page");
        StringAssert.Contains(Refusal("version https://git-lfs.github.com/spec/v1\noid sha256:0"u8.ToArray()), "git lfs pull");
        StringAssert.Contains(Refusal(new Pickle().Dict().Done()), "pickle");
        StringAssert.Contains(Refusal(new byte[100]), "none of safetensors");
        StringAssert.Contains(Refusal(Torch(new Pickle().Dict().Mark().Text("epoch").Int(1).SetItems().Done())), "its entries are 'epoch'");
        Assert.ThrowsExactly<FileNotFoundException>(() => TensorFile.Read("/no/such/file.pth"));
        StringAssert.Contains(
            Assert.ThrowsExactly<FileNotFoundException>(() => TensorFile.Read(Path.GetTempPath())).Message,
            "is a folder"
        );
    }
}
