using Google.Protobuf;

namespace MLNetLosses.Training;

/// <summary>A message of protocol buffers, written field by field. A field with its default value is left out, as the format has it.</summary>
internal sealed class ProtoMessage
{
    private readonly MemoryStream bytes = new();
    private readonly CodedOutputStream output;

    public ProtoMessage() => output = new(bytes);

    public byte[] ToArray()
    {
        output.Flush();
        return bytes.ToArray();
    }

    public ProtoMessage Number(int field, double value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed64);
        output.WriteDouble(value);
        return this;
    }

    public ProtoMessage Single(int field, float value)
    {
        output.WriteTag(field, WireFormat.WireType.Fixed32);
        output.WriteFloat(value);
        return this;
    }

    public ProtoMessage Integer(int field, long value)
    {
        if (value == 0)
            return this;
        output.WriteTag(field, WireFormat.WireType.Varint);
        output.WriteInt64(value);
        return this;
    }

    public ProtoMessage Text(int field, string value) => Bytes(field, System.Text.Encoding.UTF8.GetBytes(value));

    public ProtoMessage Bytes(int field, byte[] value)
    {
        output.WriteTag(field, WireFormat.WireType.LengthDelimited);
        output.WriteBytes(UnsafeByteOperations.UnsafeWrap(value));
        return this;
    }

    public ProtoMessage Message(int field, ProtoMessage value) => Bytes(field, value.ToArray());
}
