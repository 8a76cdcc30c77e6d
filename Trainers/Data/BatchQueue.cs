using System.Runtime.ExceptionServices;

namespace MLNetLosses.Data;

/// <summary>
/// Makes numbered items ahead of their consumer on threads of its own, at most <c>capacity</c> of them waiting, and hands them over in order. What
/// goes wrong on a thread is thrown to the consumer when its turn comes. Disposing stops the threads, waits for them and disposes what was not taken.
/// </summary>
/// <typeparam name="T">The item; must not belong to a dispose scope of the thread that made it.</typeparam>
internal sealed class BatchQueue<T> : IDisposable
    where T : class, IDisposable
{
    private readonly Func<int, CancellationToken, T> _make;
    private readonly int _end;
    private readonly Slot[] _slots;
    private readonly Thread[] _threads;
    private readonly CancellationTokenSource _stop = new();
    private readonly object _gate = new();
    private int _claimed;
    private int _taken;

    /// <param name="first">Number of the first item.</param>
    /// <param name="end">One past the number of the last item.</param>
    /// <param name="threads">Threads that make items, 1 or more.</param>
    /// <param name="capacity">Items made or in the making and not yet taken, 1 or more.</param>
    /// <param name="make">Makes an item; called on several threads, for a number once. Its token is cancelled when the queue is disposed.</param>
    public BatchQueue(int first, int end, int threads, int capacity, Func<int, CancellationToken, T> make)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        (_make, _end, _claimed, _taken) = (make, end, first, first);
        _slots = new Slot[capacity];
        _threads = new Thread[Math.Clamp(end - first, 0, Math.Min(threads, capacity))];
        for (var i = 0; i < _threads.Length; i++)
        {
            _threads[i] = new(Work) { IsBackground = true, Name = $"Image reader {i}" };
            _threads[i].Start();
        }
    }

    /// <summary>The next item, which the caller disposes, or null after the last.</summary>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public T? Take(CancellationToken cancellation = default)
    {
        using var wake = cancellation.Register(Wake);
        lock (_gate)
        {
            cancellation.ThrowIfCancellationRequested();
            ObjectDisposedException.ThrowIf(_stop.IsCancellationRequested, this);
            if (_taken >= _end)
                return null;
            ref var slot = ref _slots[_taken % _slots.Length];
            while (!slot.Ready)
            {
                Monitor.Wait(_gate);
                cancellation.ThrowIfCancellationRequested();
            }
            var (item, error) = (slot.Item, slot.Error);
            slot = default;
            _taken++;
            Monitor.PulseAll(_gate);
            error?.Throw();
            return item;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _stop.Cancel();
        Wake();
        foreach (var thread in _threads)
            thread.Join();
        foreach (ref var slot in _slots.AsSpan())
        {
            slot.Item?.Dispose();
            slot = default;
        }
        _stop.Dispose();
    }

    private void Wake()
    {
        lock (_gate)
            Monitor.PulseAll(_gate);
    }

    private void Work()
    {
        while (Claim() is { } number)
        {
            var slot = new Slot { Ready = true };
            try
            {
                slot.Item = _make(number, _stop.Token);
            }
            catch (Exception e)
            {
                slot.Error = ExceptionDispatchInfo.Capture(e);
            }
            lock (_gate)
            {
                _slots[number % _slots.Length] = slot;
                Monitor.PulseAll(_gate);
            }
        }
    }

    private int? Claim()
    {
        lock (_gate)
        {
            while (!_stop.IsCancellationRequested && _claimed < _end && _claimed - _taken >= _slots.Length)
                Monitor.Wait(_gate);
            return _stop.IsCancellationRequested || _claimed >= _end ? null : _claimed++;
        }
    }

    private struct Slot
    {
        public bool Ready;
        public T? Item;
        public ExceptionDispatchInfo? Error;
    }
}
