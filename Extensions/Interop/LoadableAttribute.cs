using Microsoft.ML;
using Microsoft.ML.Runtime;

namespace MLNetLosses.Interop;

/// <summary>
/// A component that a saved model names, and that ML.NET makes again by itself when the model is loaded in a process where nothing was
/// registered.
/// </summary>
internal interface ILoadable<TSelf>
    where TSelf : class, ILoadable<TSelf>
{
    /// <summary>The component's name and version in a saved model.</summary>
    static abstract ModelFormat Format { get; }

    /// <summary>Reads back what the component saved.</summary>
    static abstract TSelf Load(IHostEnvironment environment, ModelReader reader);
}

/// <summary>Put on an assembly, registers one of its components with ML.NET: <c>[assembly: Loadable&lt;MyTransformer&gt;]</c>.</summary>
[AttributeUsage(AttributeTargets.Assembly, AllowMultiple = true)]
internal sealed class LoadableAttribute<T>()
    : LoadableClassAttributeBase(
        null,
        typeof(T),
        typeof(Loader<T>),
        null,
        [typeof(SignatureLoadModel)],
        T.Format.DisplayName,
        T.Format.LoaderName
    )
    where T : class, ILoadable<T>;

/// <summary>What ML.NET calls, found by the name and the parameters of its method.</summary>
internal static class Loader<T>
    where T : class, ILoadable<T>
{
    internal static T Create(IHostEnvironment environment, ModelLoadContext context)
    {
        context.CheckAtModel(T.Format.ToVersionInfo(typeof(T)));
        return T.Load(environment, new ModelReader(context, T.Format));
    }
}
