using System.Buffers.Binary;
using System.Text;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using MLNetLosses.Networks;
using TorchSharp;
using static TorchSharp.torch;

namespace MLNetLosses.UnitTests.Weights;

[TestClass]
public class SafetensorsTests
{
    private static byte[] Bytes(string header, int data)
    {
        var json = Encoding.UTF8.GetBytes(header);
        var bytes = new byte[8 + json.Length + data];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, json.Length);
        json.CopyTo(bytes, 8);
        return bytes;
    }

    private static string Tensor(string name, string shape, int begin, int end, string dtype = "F32") =>
        $$"""{{name}}:{"dtype":"{{dtype}}","shape":{{shape}},"data_offsets":[{{begin}},{{end}}]}""";

    [TestMethod]
    public void WhatIsWrittenIsRead()
    {
        using var scope = NewDisposeScope();
        var tensors = new Dictionary<string, Tensor>
        {
            ["bool"] = tensor(new[] { true, false, true }),
            ["byte"] = arange(5, ScalarType.Byte),
            ["half"] = randn(3, dtype: ScalarType.Float16),
            ["bfloat"] = randn(3, dtype: ScalarType.BFloat16),
            ["long"] = tensor(long.MinValue),
            ["double"] = randn(2, 3, dtype: ScalarType.Float64),
            ["transposed"] = arange(6, ScalarType.Float32).view(2, 3).t(),
            ["empty"] = zeros(0, 4),
            ["parameter"] = randn(4).requires_grad_(),
            ["a \"name\" wïth ünicode 漢"] = ones(1),
        };
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors, [new("loss", "Focal(gamma: 2)"), new("epoch", "3")]);
        using var file = TensorFile.Read(stream.ToArray(), "memory");
        Assert.AreEqual("Focal(gamma: 2)", file.Metadata["loss"]);
        CollectionAssert.AreEquivalent(tensors.Keys, file.Tensors.Keys.ToArray());
        foreach (var (name, expected) in tensors)
        {
            var actual = file.Tensors[name].ToTensor();
            Assert.AreEqual(expected.dtype, actual.dtype, name);
            CollectionAssert.AreEqual(expected.shape, actual.shape, name);
            Assert.IsTrue(actual.equal(expected.detach()).all().item<bool>(), name);
        }
    }

    [TestMethod]
    public void EqualTensorsGiveEqualBytesWithEachAlignedToItsElement()
    {
        using var scope = NewDisposeScope();
        var (byteTensor, doubles) = (ones(3, ScalarType.Byte), ones(2, ScalarType.Float64));
        using var one = new MemoryStream();
        using var two = new MemoryStream();
        SafetensorsWriter.Write(one, [new("a", byteTensor), new("b", doubles)]);
        SafetensorsWriter.Write(two, [new("b", doubles), new("a", byteTensor)]);
        CollectionAssert.AreEqual(one.ToArray(), two.ToArray());
        Assert.AreEqual(0, (one.Length - 3 - 16) % 8, "The data do not start at a multiple of 8.");
        StringAssert.Contains(Encoding.UTF8.GetString(one.ToArray()), "\"b\":{\"dtype\":\"F64\",\"shape\":[2],\"data_offsets\":[0,16]}");
    }

    [TestMethod]
    public void WritesAFileWholeOrNotAtAll()
    {
        var folder = Directory.CreateTempSubdirectory("mlnetlosses").FullName;
        try
        {
            using var scope = NewDisposeScope();
            var path = Path.Combine(folder, "weights.safetensors");
            SafetensorsWriter.Write(path, [new("w", ones(2))]);
            var before = File.ReadAllBytes(path);
            Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(path, [new("w", ones(3)), new("w", ones(3))]));
            Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(path, [new("__metadata__", ones(3))]));
            Assert.ThrowsExactly<ArgumentException>(() => SafetensorsWriter.Write(path, [new("w", zeros(3, ScalarType.ComplexFloat32))]));
            Assert.ThrowsExactly<IOException>(() =>
                AtomicFile.Write(
                    path,
                    stream =>
                    {
                        stream.WriteByte(1);
                        throw new IOException("No space left on device");
                    }
                )
            );
            CollectionAssert.AreEqual(before, File.ReadAllBytes(path));
            SafetensorsWriter.Write(path, [new("w", zeros(2))]);
            CollectionAssert.AreNotEqual(before, File.ReadAllBytes(path));
            CollectionAssert.AreEqual(new[] { path }, Directory.GetFiles(folder), "Something staged was left behind.");
            Assert.ThrowsExactly<DirectoryNotFoundException>(() =>
                SafetensorsWriter.Write(Path.Combine(folder, "no", "such.safetensors"), [new("w", ones(2))])
            );
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void AFileStaysReadableWhileItIsReplaced()
    {
        var folder = Directory.CreateTempSubdirectory("mlnetlosses").FullName;
        try
        {
            using var scope = NewDisposeScope();
            var path = Path.Combine(folder, "weights.safetensors");
            SafetensorsWriter.Write(path, [new("w", ones(2))]);
            using var file = TensorFile.Read(path);
            if (!OperatingSystem.IsWindows())
                SafetensorsWriter.Write(path, [new("w", zeros(2))]);
            Assert.AreEqual(2f, file.Tensors["w"].ToTensor().sum().item<float>());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [TestMethod]
    public void DropsThePrefixOfAWrapper()
    {
        using var file = TensorFile.Read(Bytes($"{{{Tensor("\"module.w\"", "[1]", 0, 4)}}}", 4), "memory");
        Assert.AreEqual("w", file.Tensors.Keys.Single());
    }

    public static IEnumerable<object[]> Damaged =>
        [
            ["{" + Tensor("\"a\"", "[1]", 0, 4) + "}", 8, "describes 4 bytes of data, but 8 follow"],
            ["{" + Tensor("\"a\"", "[2]", 0, 8) + "}", 4, "lies at [0, 8) of 4 bytes"],
            ["{" + Tensor("\"a\"", "[1]", 4, 8) + "}", 8, "starts at 4 of the data, where 0 was expected"],
            ["{" + Tensor("\"a\"", "[2]", 0, 8) + "," + Tensor("\"b\"", "[1]", 4, 8) + "}", 8, "gaps and overlaps"],
            ["{" + Tensor("\"a\"", "[3]", 0, 8) + "}", 8, "needs elements 0 to 3 of a storage of 2"],
            ["{" + Tensor("\"a\"", "[1]", 0, 8) + "}", 8, "does not fill its 8 bytes"],
            ["{" + Tensor("\"a\"", "[1]", 0, 7) + "}", 7, "does not fill its 7 bytes"],
            ["{" + Tensor("\"a\"", "[-1]", 0, 4) + "}", 4, "negative"],
            ["{" + Tensor("\"a\"", "[9223372036854775807,4]", 0, 4) + "}", 4, "too large"],
            ["{" + Tensor("\"a\"", "[0,9223372036854775807,4]", 0, 0) + "}", 0, "too large"],
            ["{" + Tensor("\"a\"", "[1e40]", 0, 4) + "}", 4, "header is not"],
            ["{" + Tensor("\"a\"", "\"x\"", 0, 4) + "}", 4, "header is not"],
            ["{" + Tensor("\"a\"", "[1]", -4, 0) + "}", 4, "lies at [-4, 0)"],
            ["{" + Tensor("\"a\"", "[1]", 0, 4) + "," + Tensor("\"a\"", "[1]", 4, 8) + "}", 8, "uplicate"],
            ["{" + Tensor("\"a\"", "[1]", 0, 4, "F8_E4M3") + "}", 4, "type 'F8_E4M3'"],
            ["{" + Tensor("\"\\ud800\"", "[1]", 0, 4) + "}", 4, "header is not"],
            ["{\"a\":{\"dtype\":\"F32\"}}", 0, "header is not"],
            ["{\"a\":[[[[[[]]]]]]}", 0, "header is not"],
            ["{\"__metadata__\":{\"a\":1}}", 0, "header is not"],
            ["{\"__metadata__\":1}", 0, "header is not"],
            ["{]", 0, "header is not"],
            ["{", 0, "header is not"],
        ];

    [TestMethod]
    [DynamicData(nameof(Damaged))]
    public void RefusesDamagedHeaders(string header, int data, string reason)
    {
        var error = Assert.ThrowsExactly<InvalidDataException>(() => TensorFile.Read(Bytes(header, data), "bad.safetensors").Dispose());
        StringAssert.Contains(error.Message, "'bad.safetensors'");
        StringAssert.Contains(error.Message, reason);
    }

    [TestMethod]
    public void RefusesAHeaderLongerThanTheFile()
    {
        var bytes = Bytes("{}", 0);
        BinaryPrimitives.WriteInt64LittleEndian(bytes, 99_000_000);
        var error = Assert.ThrowsExactly<InvalidDataException>(() => TensorFile.Read(bytes, "bad").Dispose());
        StringAssert.Contains(error.Message, "header of 99000000 bytes is longer");
    }
}
