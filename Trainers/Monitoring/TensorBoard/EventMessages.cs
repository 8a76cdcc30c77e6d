namespace MLNetLosses.Training;

/// <summary>TensorBoard's messages (event.proto, summary.proto, plugin_data.proto of its hparams plugin), as far as they are written here.</summary>
internal static class EventMessages
{
    public static ProtoMessage Version(DateTimeOffset time) => Event(time, 0).Text(3, "brain.Event:2");

    /// <summary>Says that what follows replaces what earlier files hold of these and later steps.</summary>
    public static ProtoMessage Restart(DateTimeOffset time, long step) => Event(time, step).Message(7, new ProtoMessage().Integer(1, 1));

    public static ProtoMessage Summary(DateTimeOffset time, long step, IEnumerable<ProtoMessage> values)
    {
        var summary = new ProtoMessage();
        foreach (var value in values)
            summary.Message(1, value);
        return Event(time, step).Message(5, summary);
    }

    public static ProtoMessage Scalar(string tag, double value) => new ProtoMessage().Text(1, tag).Single(2, (float)value);

    public static ProtoMessage Image(string tag, byte[] content, int width, int height) =>
        new ProtoMessage().Text(1, tag).Message(4, new ProtoMessage().Integer(1, height).Integer(2, width).Integer(3, 3).Bytes(4, content));

    /// <summary>Text in Markdown.</summary>
    public static ProtoMessage Text(string tag, string markdown) =>
        new ProtoMessage()
            .Text(1, tag)
            .Message(
                8,
                new ProtoMessage()
                    .Integer(1, 7)
                    .Message(2, new ProtoMessage().Message(2, new ProtoMessage().Integer(1, 1)))
                    .Text(8, markdown)
            )
            .Message(9, Plugin("text").Integer(4, 2));

    /// <summary>What may be chosen and what is measured.</summary>
    public static ProtoMessage Experiment(DateTimeOffset time, IEnumerable<string> settings, IEnumerable<string> metrics)
    {
        var experiment = new ProtoMessage().Number(3, Seconds(time));
        foreach (var name in settings)
            experiment.Message(4, new ProtoMessage().Text(1, name).Integer(4, 1));
        foreach (var tag in metrics)
            experiment.Message(5, new ProtoMessage().Message(1, new ProtoMessage().Text(2, tag)));
        return HyperParameters("_hparams_/experiment", 2, experiment);
    }

    public static ProtoMessage SessionStart(DateTimeOffset time, IEnumerable<KeyValuePair<string, string>> settings)
    {
        var start = new ProtoMessage();
        foreach (var (name, value) in settings)
            start.Message(1, new ProtoMessage().Text(1, name).Message(2, new ProtoMessage().Text(3, value)));
        return HyperParameters("_hparams_/session_start_info", 3, start.Number(5, Seconds(time)));
    }

    public static ProtoMessage SessionEnd(DateTimeOffset time, bool succeeded) =>
        HyperParameters("_hparams_/session_end_info", 4, new ProtoMessage().Integer(1, succeeded ? 1 : 2).Number(2, Seconds(time)));

    private static ProtoMessage HyperParameters(string tag, int field, ProtoMessage data) =>
        new ProtoMessage().Text(1, tag).Message(9, Plugin("hparams", new ProtoMessage().Message(field, data).ToArray()));

    private static ProtoMessage Plugin(string name, byte[]? content = null)
    {
        var plugin = new ProtoMessage().Text(1, name);
        if (content is not null)
            plugin.Bytes(2, content);
        return new ProtoMessage().Message(1, plugin);
    }

    private static ProtoMessage Event(DateTimeOffset time, long step) => new ProtoMessage().Number(1, Seconds(time)).Integer(2, step);

    private static double Seconds(DateTimeOffset time) => (time - DateTimeOffset.UnixEpoch).TotalSeconds;
}
