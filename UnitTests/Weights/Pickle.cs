using System.Numerics;
using System.Text;

namespace MLNetLosses.UnitTests.Weights;

/// <summary>Writes pickles opcode by opcode (protocol 2, as torch.save does).</summary>
internal sealed class Pickle
{
    private readonly MemoryStream stream = new();

    public Pickle() => Raw(0x80, 2);

    public Pickle Raw(params ReadOnlySpan<byte> bytes)
    {
        stream.Write(bytes);
        return this;
    }

    public Pickle Mark() => Raw((byte)'(');

    public Pickle Dict() => Raw((byte)'}');

    public Pickle List() => Raw((byte)']');

    public Pickle SetItems() => Raw((byte)'u');

    public Pickle Appends() => Raw((byte)'e');

    public Pickle Tuple() => Raw((byte)'t');

    public Pickle EmptyTuple() => Raw((byte)')');

    public Pickle Reduce() => Raw((byte)'R');

    public Pickle Build() => Raw((byte)'b');

    public Pickle PersistentId() => Raw((byte)'Q');

    public Pickle None() => Raw((byte)'N');

    public Pickle Bool(bool value) => Raw(value ? (byte)0x88 : (byte)0x89);

    public Pickle Int(int value) => Raw((byte)'J').Raw(BitConverter.GetBytes(value));

    public Pickle Put(byte index) => Raw((byte)'q', index);

    public Pickle Get(byte index) => Raw((byte)'h', index);

    public Pickle Long(BigInteger value)
    {
        var bytes = value.ToByteArray();
        return Raw(0x8a, (byte)bytes.Length).Raw(bytes);
    }

    public Pickle Double(double value)
    {
        var bytes = BitConverter.GetBytes(value);
        Array.Reverse(bytes);
        return Raw((byte)'G').Raw(bytes);
    }

    public Pickle Text(string value)
    {
        var bytes = Encoding.UTF8.GetBytes(value);
        return Raw((byte)'X').Raw(BitConverter.GetBytes(bytes.Length)).Raw(bytes);
    }

    public Pickle Global(string module, string name) => Raw((byte)'c').Raw(Encoding.UTF8.GetBytes($"{module}\n{name}\n"));

    public Pickle OrderedDict() => Global("collections", "OrderedDict").EmptyTuple().Reduce();

    public Pickle Ints(params int[] values)
    {
        Mark();
        foreach (var value in values)
            Int(value);
        return Tuple();
    }

    /// <summary>A storage, as its persistent id.</summary>
    public Pickle Storage(string type, string key, int count, bool legacy = false)
    {
        Mark().Text("storage").Global("torch", type).Text(key).Text("cpu").Int(count);
        return (legacy ? None() : this).Tuple().PersistentId();
    }

    /// <summary>A tensor over a storage.</summary>
    public Pickle Tensor(string type, string key, int count, int offset, int[] shape, int[] strides, bool legacy = false)
    {
        Global("torch._utils", legacy ? "_rebuild_tensor" : "_rebuild_tensor_v2").Mark();
        Storage(type, key, count, legacy).Int(offset).Ints(shape).Ints(strides);
        return (legacy ? this : Bool(false).OrderedDict()).Tuple().Reduce();
    }

    public byte[] Done()
    {
        Raw((byte)'.');
        return stream.ToArray();
    }
}
