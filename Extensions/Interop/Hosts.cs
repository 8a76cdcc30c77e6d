using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Runtime;

namespace MLNetLosses.Interop;

/// <summary>What a component must know of the <see cref="MLContext"/> that it works for.</summary>
internal static class Hosts
{
    /// <summary>
    /// The environment behind any of the context's catalogs, such as <c>mlContext.Transforms</c> or
    /// <c>mlContext.MulticlassClassification.Trainers</c>.
    /// </summary>
    public static IHostEnvironment EnvironmentOf(object catalog)
    {
        ArgumentNullException.ThrowIfNull(catalog);
        return catalog is IInternalCatalog known
            ? known.Environment
            : throw new ArgumentException($"{catalog.GetType().Name} is not a catalog of an MLContext.", nameof(catalog));
    }

    /// <summary>The seed given to the context, if any.</summary>
    public static int? Seed(IHostEnvironment environment) => (environment as IHostEnvironmentInternal)?.Seed;

    /// <summary>The GPU that the context names, if any.</summary>
    public static int? GpuDeviceId(IHostEnvironment environment) => (environment as IHostEnvironmentInternal)?.GpuDeviceId;

    /// <summary>Whether the context lets work that asked for a GPU run on the CPU where there is none.</summary>
    public static bool FallbackToCpu(IHostEnvironment environment) => environment is not IHostEnvironmentInternal { FallbackToCpu: false };

    /// <summary>The context's folder for temporary files.</summary>
    public static string TempFolder(IHostEnvironment environment) =>
        (environment as IHostEnvironmentInternal)?.TempFilePath ?? Path.GetTempPath();

    /// <summary>Throws <see cref="OperationCanceledException"/> once the context was told to stop.</summary>
    public static void CheckAlive(IHostEnvironment environment) => environment.CheckAlive();

    /// <summary>Writes to the context's log, as information.</summary>
    public static void Info(this IChannel channel, string text) => channel.Info(MessageSensitivity.Unknown, text);

    /// <summary>Writes to the context's log, as a detail.</summary>
    public static void Trace(this IChannel channel, string text) => channel.Trace(MessageSensitivity.Unknown, text);

    /// <summary>Writes to the context's log, as a warning.</summary>
    public static void Warning(this IChannel channel, string text) => channel.Warning(MessageSensitivity.Unknown, text);

    /// <summary>ML.NET's usual error about a column of another type than expected.</summary>
    public static Exception SchemaMismatch(
        IExceptionContext environment,
        string parameter,
        string role,
        string column,
        string expected,
        string actual
    ) => environment.ExceptSchemaMismatch(parameter, role, column, expected, actual);
}
