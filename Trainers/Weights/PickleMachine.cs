using System.Numerics;
using System.Text;

namespace MLNetLosses.Networks;

/// <summary>
/// Reads the data of a Python pickle without executing anything: a closed list of opcodes builds numbers, strings, lists, dictionaries and
/// tensors; a closed list of names (<see cref="PickleGlobals"/>) may be mentioned; everything else is refused.
/// </summary>
/// <param name="source">The file.</param>
/// <param name="cursor">Where in it the pickle starts; afterwards it stands behind the pickle.</param>
/// <param name="findStorage">Gives the storage that a persistent id describes.</param>
internal sealed class PickleMachine(ByteSource source, ByteCursor cursor, Func<object?[], StoredStorage> findStorage)
{
    /// <summary>A weights file has some thirty opcodes a tensor. This many keep the objects below a few hundred megabytes.</summary>
    private const int MostOpcodes = 2_000_000;

    private static readonly object Mark = new();

    private readonly List<object?> stack = [];
    private readonly Dictionary<uint, object?> memo = [];
    private long opcodeAt;

    /// <summary>Runs to the end of the pickle and returns its value.</summary>
    public object? Read()
    {
        for (var opcodes = 0; opcodes < MostOpcodes; opcodes++)
        {
            opcodeAt = cursor.Position;
            var opcode = cursor.ReadByte();
            if (opcode == '.')
                return Pop();
            Step((char)opcode);
        }
        throw Error($"its pickle has more than {MostOpcodes} steps", "This is no file of weights: save only the state_dict.");
    }

    private void Step(char opcode)
    {
        switch (opcode)
        {
            case '\x80': // PROTO
                if (cursor.ReadByte() is < 2 or > 5)
                    throw Error("its pickle has a protocol other than 2 to 5");
                break;
            case '\x95': // FRAME: a hint about buffering
                cursor.Skip(8);
                break;
            case 'N':
                Push(null);
                break;
            case '\x88':
                Push(true);
                break;
            case '\x89':
                Push(false);
                break;
            case 'J':
                Push((long)cursor.ReadInt32());
                break;
            case 'K':
                Push((long)cursor.ReadByte());
                break;
            case 'M':
                Push((long)cursor.ReadUInt16());
                break;
            case '\x8a': // LONG1
                PushInteger(cursor.ReadBytes(cursor.ReadByte()));
                break;
            case 'G':
                Push(cursor.ReadDoubleBigEndian());
                break;
            case 'X': // BINUNICODE
                PushText(cursor.ReadUInt32());
                break;
            case '\x8c': // SHORT_BINUNICODE
            case 'U': // SHORT_BINSTRING, of Python 2
                PushText(cursor.ReadByte());
                break;
            case 'T': // BINSTRING, of Python 2
                PushText(cursor.ReadInt32());
                break;
            case 'B': // BINBYTES
                Push(cursor.ReadBytes(cursor.ReadUInt32()));
                break;
            case 'C': // SHORT_BINBYTES
                Push(cursor.ReadBytes(cursor.ReadByte()));
                break;
            case '(':
                Push(Mark);
                break;
            case ')':
                Push(Array.Empty<object?>());
                break;
            case '\x85':
                Push(new[] { Pop() });
                break;
            case '\x86':
                PushTuple(2);
                break;
            case '\x87':
                PushTuple(3);
                break;
            case 't':
                Push(PopToMark());
                break;
            case ']':
                Push(new List<object?>());
                break;
            case 'a': // APPEND
                var item = Pop();
                Top<List<object?>>().Add(item);
                break;
            case 'e': // APPENDS
                var items = PopToMark();
                Top<List<object?>>().AddRange(items);
                break;
            case '}':
                Push(new PickledDictionary());
                break;
            case 's': // SETITEM
                var (value, key) = (Pop(), Pop());
                SetItems([key, value]);
                break;
            case 'u': // SETITEMS
                SetItems(PopToMark());
                break;
            case 'q': // BINPUT
                memo[cursor.ReadByte()] = Peek();
                break;
            case 'r': // LONG_BINPUT
                memo[cursor.ReadUInt32()] = Peek();
                break;
            case '\x94': // MEMOIZE
                memo[(uint)memo.Count] = Peek();
                break;
            case 'h': // BINGET
                PushMemo(cursor.ReadByte());
                break;
            case 'j': // LONG_BINGET
                PushMemo(cursor.ReadUInt32());
                break;
            case 'c': // GLOBAL
                const int longest = 1000;
                var module = Encoding.UTF8.GetString(cursor.ReadLine(longest));
                Push(PickleGlobals.Find(source, module, Encoding.UTF8.GetString(cursor.ReadLine(longest)), opcodeAt));
                break;
            case '\x93': // STACK_GLOBAL
                var name = Pop<string>();
                Push(PickleGlobals.Find(source, Pop<string>(), name, opcodeAt));
                break;
            case 'Q': // BINPERSID
                Push(findStorage(Pop<object?[]>()));
                break;
            case 'R': // REDUCE
            case '\x81': // NEWOBJ
                var arguments = Pop<object?[]>();
                Push(PickleTensors.Build(source, Pop<PickledGlobal>(), arguments, opcodeAt));
                break;
            case 'b': // BUILD: attributes, none of which matter here
                Pop();
                if (Peek() is not (PickledDictionary or PickledObject or StoredTensor))
                    throw Error("its pickle sets attributes of something that has none");
                break;
            default:
                throw Error(
                    $"its pickle holds the opcode 0x{(int)opcode:x2}, which is not on the closed list that describes tensors; nothing of it is executed",
                    "If you trust the origin, save only the weights: in Python, torch.save(model.state_dict(), path) or safetensors."
                );
        }
    }

    private void SetItems(object?[] pairs)
    {
        if (Peek() is PickledObject)
            return;
        if (pairs.Length % 2 != 0)
            throw Error("its pickle has a key without a value");
        var dictionary = Top<PickledDictionary>();
        for (var i = 0; i < pairs.Length; i += 2)
            dictionary.Set(pairs[i], pairs[i + 1]);
    }

    private void PushInteger(byte[] littleEndian)
    {
        var value = new BigInteger(littleEndian);
        Push(value >= long.MinValue && value <= long.MaxValue ? (long)value : value);
    }

    private void PushText(long length)
    {
        const long longest = 1 << 24;
        if (length > longest)
            throw Error($"its pickle holds a text of {length} bytes");
        Push(Encoding.UTF8.GetString(cursor.ReadBytes(length)));
    }

    private void PushTuple(int count)
    {
        var items = new object?[count];
        while (count > 0)
            items[--count] = Pop();
        Push(items);
    }

    private void PushMemo(uint index) =>
        Push(memo.TryGetValue(index, out var value) ? value : throw Error($"its pickle recalls entry {index}, which was never stored"));

    private void Push(object? value) => stack.Add(value);

    private object? Peek() => stack.Count > 0 && stack[^1] != Mark ? stack[^1] : throw Error("its pickle takes more than it has laid down");

    private object? Pop()
    {
        var value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private T Pop<T>() => Cast<T>(Pop());

    private T Top<T>() => Cast<T>(Peek());

    private T Cast<T>(object? value) =>
        value is T result
            ? result
            : throw Error($"its pickle has {value?.GetType().Name ?? "nothing"} where {typeof(T).Name} was expected");

    private object?[] PopToMark()
    {
        var mark = stack.LastIndexOf(Mark);
        if (mark < 0)
            throw Error("its pickle takes more than it has laid down");
        var items = stack.GetRange(mark + 1, stack.Count - mark - 1).ToArray();
        stack.RemoveRange(mark, stack.Count - mark);
        return items;
    }

    private InvalidDataException Error(string problem, string? cure = null) => source.Error(problem, opcodeAt, cure);
}
