using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using static MLNetLosses.UnitTests.Weights.TorchFiles;

namespace MLNetLosses.UnitTests.Weights;

/// <summary>Files that in Python would run code, or eat the memory.</summary>
[TestClass]
public class HostilePickleTests
{
    private static string Refusal(byte[] bytes)
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => TensorFile.Read(bytes, "evil.pth").Dispose());
        StringAssert.Contains(error.Message, "'evil.pth'");
        return error.Message;
    }

    private static byte[] Call(string module, string name) =>
        new Pickle().Global(module, name).Mark().Text("touch owned").Tuple().Reduce().Done();

    [TestMethod]
    [DataRow("os", "system")]
    [DataRow("posix", "system")]
    [DataRow("nt", "system")]
    [DataRow("subprocess", "Popen")]
    [DataRow("builtins", "eval")]
    [DataRow("__builtin__", "exec")]
    [DataRow("builtins", "getattr")]
    [DataRow("torch", "load")]
    [DataRow("torch.hub", "load")]
    [DataRow("torch.nn.modules.conv", "Conv2d")]
    [DataRow("torch.storage", "_load_from_bytes")]
    [DataRow("numpy", "load")]
    [DataRow("collections", "namedtuple")]
    public void RefusesToCallAnything(string module, string name)
    {
        foreach (var bytes in new[] { Torch(Call(module, name)), Legacy(Call(module, name), littleEndian: true) })
        {
            var message = Refusal(bytes);
            StringAssert.Contains(message, $"'{module}.{name}', which is not on the closed list");
            StringAssert.Contains(message, "nothing is ever called");
            StringAssert.Contains(message, "torch.save(model.state_dict(), path)");
        }
    }

    [TestMethod]
    public void RefusesNamesFromTheStackToo()
    {
        var pickle = new Pickle().Text("os").Text("system").Raw(0x93).Mark().Text("id").Tuple().Reduce().Done();
        StringAssert.Contains(Refusal(Torch(pickle)), "'os.system'");
    }

    [TestMethod]
    [DataRow((byte)'i', DisplayName = "INST")]
    [DataRow((byte)'o', DisplayName = "OBJ")]
    [DataRow((byte)0x82, DisplayName = "EXT1")]
    [DataRow((byte)'P', DisplayName = "PERSID")]
    [DataRow((byte)0x97, DisplayName = "NEXT_BUFFER")]
    [DataRow((byte)0xFF, DisplayName = "No opcode at all")]
    public void RefusesOpcodesThatDescribeNoTensors(byte opcode) =>
        StringAssert.Contains(
            Refusal(Torch(new Pickle().Mark().Raw(opcode).Done())),
            $"opcode 0x{opcode:x2}, which is not on the closed list"
        );

    [TestMethod]
    public void RefusesAllowedNamesWithOtherArguments()
    {
        var pickle = new Pickle().Global("torch._utils", "_rebuild_tensor_v2").Mark().Text("x").Tuple().Reduce().Done();
        StringAssert.Contains(Refusal(Torch(pickle)), "other arguments");
    }

    [TestMethod]
    public void IgnoresHarmlessCompanyOfTheWeights()
    {
        var pickle = new Pickle()
            .Dict()
            .Mark()
            .Text("args")
            .Global("argparse", "Namespace")
            .EmptyTuple()
            .Raw(0x81)
            .Dict()
            .Mark()
            .Text("lr")
            .Double(0.1)
            .SetItems()
            .Build()
            .Text("state_dict")
            .Dict()
            .Mark()
            .Text("w")
            .Tensor("FloatStorage", "0", 1, 0, [1], [1])
            .SetItems()
            .SetItems()
            .Done();
        using var file = TensorFile.Read(Torch(pickle, ("0", Floats(1))), "good.pth");
        Assert.AreEqual("w", file.Tensors.Keys.Single());
    }

    [TestMethod]
    [DataRow("X", 0xFF, 0xFF, 0xFF, 0x7F, DisplayName = "Text of 2 GB")]
    [DataRow("B", 0xFF, 0xFF, 0xFF, 0xFF, DisplayName = "Bytes of 4 GB")]
    [DataRow("T", 0xFF, 0xFF, 0xFF, 0xFF, DisplayName = "Text of negative length")]
    public void AllocatesNothingThatTheFileOnlyAnnounces(string opcode, int a, int b, int c, int d)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Refusal(Torch(new Pickle().Raw((byte)opcode[0], (byte)a, (byte)b, (byte)c, (byte)d).Done()));
        Assert.IsLessThan(1 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void BoundsTheWorkOfEndlessPickles()
    {
        var steps = new byte[2_000_001];
        Array.Fill(steps, (byte)'}');
        var bytes = Torch(new Pickle().Raw(steps).Done());
        var before = GC.GetAllocatedBytesForCurrentThread();
        StringAssert.Contains(Refusal(bytes), "more than 2000000 steps");
        Assert.IsLessThan(200 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void CopiesNoListHoweverOftenADictionaryIsMadeOfIt()
    {
        // A list of 20,000 pairs, made into a dictionary 20,000 times: 400 million entries if each were a copy.
        var pickle = new Pickle().List().Put(0).Mark();
        for (var i = 0; i < 20_000; i++)
            pickle.Text("k").Int(i).Raw(0x86);
        pickle.Appends().Global("collections", "OrderedDict").Put(1);
        for (var i = 0; i < 20_000; i++)
            pickle.Get(1).Get(0).Raw(0x85).Reduce();
        var before = GC.GetAllocatedBytesForCurrentThread();
        StringAssert.Contains(Refusal(Torch(pickle.Done())), "no dictionary of tensors");
        Assert.IsLessThan(100 << 20, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [TestMethod]
    public void SurvivesACycle()
    {
        var pickle = new Pickle().Dict().Put(0).Mark().Text("state_dict").Get(0).SetItems().Done();
        StringAssert.Contains(Refusal(Torch(pickle)), "no dictionary of tensors");
    }
}
