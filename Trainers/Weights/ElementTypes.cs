using static TorchSharp.torch;

namespace MLNetLosses.Networks;

/// <summary>The element types that weights files hold: their size, and their names in safetensors and in PyTorch.</summary>
internal static class ElementTypes
{
    private static readonly (ScalarType Type, int Size, string Safetensors, string Storage, string[] Torch)[] Table =
    [
        (ScalarType.Float32, 4, "F32", "FloatStorage", ["float32", "float"]),
        (ScalarType.Float64, 8, "F64", "DoubleStorage", ["float64", "double"]),
        (ScalarType.Float16, 2, "F16", "HalfStorage", ["float16", "half"]),
        (ScalarType.BFloat16, 2, "BF16", "BFloat16Storage", ["bfloat16"]),
        (ScalarType.Int64, 8, "I64", "LongStorage", ["int64", "long"]),
        (ScalarType.Int32, 4, "I32", "IntStorage", ["int32", "int"]),
        (ScalarType.Int16, 2, "I16", "ShortStorage", ["int16", "short"]),
        (ScalarType.Int8, 1, "I8", "CharStorage", ["int8"]),
        (ScalarType.Byte, 1, "U8", "ByteStorage", ["uint8"]),
        (ScalarType.Bool, 1, "BOOL", "BoolStorage", ["bool"]),
    ];

    extension(ScalarType type)
    {
        /// <summary>The bytes of one element.</summary>
        internal int Size => Table.First(row => row.Type == type).Size;

        internal bool IsFloat => type is ScalarType.Float32 or ScalarType.Float64 or ScalarType.Float16 or ScalarType.BFloat16;
    }

    public static string AllSafetensors => string.Join(", ", Table.Select(row => row.Safetensors));

    public static string? ToSafetensors(ScalarType type) => Table.FirstOrDefault(row => row.Type == type).Safetensors;

    public static ScalarType? FromSafetensors(string name) => Find(row => row.Safetensors == name);

    /// <summary>From the name of a storage class: <c>FloatStorage</c>.</summary>
    public static ScalarType? FromStorage(string name) => Find(row => row.Storage == name);

    /// <summary>From the name of a dtype: <c>float32</c>.</summary>
    public static ScalarType? FromTorch(string name) => Find(row => row.Torch.Contains(name));

    private static ScalarType? Find(Func<(ScalarType Type, int Size, string Safetensors, string Storage, string[] Torch), bool> match)
    {
        foreach (var row in Table)
            if (match(row))
                return row.Type;
        return null;
    }
}
