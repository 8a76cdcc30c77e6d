using System.Buffers.Binary;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using TorchSharp;
using static MLNetLosses.UnitTests.Weights.TorchFiles;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Weights;

/// <summary>Damaged files are read or refused: no other exception, no crash, no hang, no memory that the file only announces.</summary>
[TestClass]
public class TensorFileFuzzTests
{
    private const int Mutations = 3000;

    private static readonly ulong[] Edges = [0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, int.MaxValue, uint.MaxValue, long.MaxValue, ulong.MaxValue];

    private static byte[] Original(TensorFileFormat format)
    {
        var legacy = format == TensorFileFormat.PyTorchLegacy;
        var pickle = new Pickle()
            .Dict()
            .Mark()
            .Text("epoch")
            .Int(3)
            .Text("state_dict")
            .OrderedDict()
            .Mark()
            .Text("module.w")
            .Tensor("FloatStorage", "0", 6, 0, [3, 2], [1, 3], legacy)
            .Text("module.n")
            .Tensor("LongStorage", "1", 1, 0, [], [], legacy)
            .SetItems()
            .SetItems()
            .Done();
        var (floats, one) = (Floats(1, 2, 3, 4, 5, 6), BitConverter.GetBytes(1L));
        if (legacy)
            return Legacy(pickle, true, ("0", 6, floats), ("1", 1, one));
        if (format == TensorFileFormat.PyTorchZip)
            return Torch(pickle, ("0", floats), ("1", one));
        using var scope = NewDisposeScope();
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, [new("w", ones(3, 2)), new("n", tensor(1L))], [new("k", "v")]);
        return stream.ToArray();
    }

    [TestMethod]
    [DataRow(nameof(TensorFileFormat.Safetensors))]
    [DataRow(nameof(TensorFileFormat.PyTorchZip))]
    [DataRow(nameof(TensorFileFormat.PyTorchLegacy))]
    public void EveryTruncationIsRefused(string format)
    {
        var original = Original(Enum.Parse<TensorFileFormat>(format));
        Assert.IsTrue(Reads(original), "The file as it was written");
        for (var length = 0; length < original.Length; length++)
            Assert.IsFalse(Reads(original.AsMemory(0, length)), $"The first {length} of {original.Length} bytes");
    }

    [TestMethod]
    [DataRow(nameof(TensorFileFormat.Safetensors))]
    [DataRow(nameof(TensorFileFormat.PyTorchZip))]
    [DataRow(nameof(TensorFileFormat.PyTorchLegacy))]
    public void EveryMutationIsReadOrRefused(string format)
    {
        var (original, random) = (Original(Enum.Parse<TensorFileFormat>(format)), new Random(20240607));
        var refused = 0;
        for (var i = 0; i < Mutations; i++)
            refused += Reads(Mutate(original, random)) ? 0 : 1;
        Assert.IsGreaterThan(Mutations / 4, refused, "The mutations hardly reach anything.");
    }

    private static byte[] Mutate(byte[] original, Random random)
    {
        List<byte> bytes = [.. original];
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            var at = random.Next(bytes.Count - 8);
            var edge = new byte[8];
            BinaryPrimitives.WriteUInt64LittleEndian(edge, Edges[random.Next(Edges.Length)]);
            switch (random.Next(6))
            {
                case 0:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 2:
                    bytes.RemoveRange(at, random.Next(1, 8));
                    break;
                case 3:
                    bytes.InsertRange(at, bytes.GetRange(random.Next(bytes.Count - 8), random.Next(1, 8)));
                    break;
                default:
                    for (var (b, width) = (0, 1 << random.Next(1, 4)); b < width; b++)
                        bytes[at + b] = edge[b];
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Everything but success and this one kind of refusal fails the test.</summary>
    private static bool Reads(ReadOnlyMemory<byte> bytes)
    {
        try
        {
            using var scope = NewDisposeScope();
            using var file = TensorFile.Read(bytes, "fuzzed");
            foreach (var tensor in file.Tensors.Values)
                tensor.ToTensor();
            return true;
        }
        catch (InvalidDataException)
        {
            return false;
        }
    }
}
