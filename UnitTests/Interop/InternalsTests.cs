using System.Reflection;
using Microsoft.VisualStudio.TestTools.UnitTesting;
using Mono.Cecil;

namespace MLNetLosses.UnitTests.Interop;

/// <summary>Guards the seam to ML.NET's internals: everything used is there, and it is used in one place.</summary>
[TestClass]
public class InternalsTests
{
    private static readonly string[] Assemblies = ["MLNetLosses.Extensions", "MLNetLosses.Trainers"];

    private static string? Version =>
        typeof(Microsoft.ML.MLContext).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()?.InformationalVersion;

    [TestMethod]
    public void ThisVersionOfMLNetHasEveryMemberThatWeUse()
    {
        var missing = new List<string>();
        var used = 0;
        Type[] arguments = [typeof(float), typeof(float), typeof(float)]; // stand-ins for the type parameters of our own generic code
        foreach (var name in Assemblies)
        {
            var module = Assembly.Load(name).ManifestModule;
            using var assembly = AssemblyDefinition.ReadAssembly(module.FullyQualifiedName);
            foreach (var member in assembly.MainModule.GetMemberReferences().Where(member => IsMLNet(member.DeclaringType)))
            {
                used++;
                try
                {
                    module.ResolveMember(member.MetadataToken.ToInt32(), arguments, arguments);
                }
                catch (Exception e) when (e is MissingMemberException or TypeLoadException)
                {
                    missing.Add(member.FullName);
                }
            }
        }
        Assert.IsGreaterThan(20, used, "The test no longer sees what is used: it is broken itself.");
        Assert.IsEmpty(
            missing,
            $"ML.NET {Version} moved members that Extensions/Interop stands on; adapt it: {string.Join(", ", missing)}"
        );
    }

    [TestMethod]
    public void OnlyTheInteropNamespaceUsesInternals()
    {
        var offenders = new List<string>();
        var inside = 0;
        foreach (var name in Assemblies)
        {
            using var resolver = new DefaultAssemblyResolver();
            resolver.AddSearchDirectory(AppContext.BaseDirectory);
            var path = Path.Combine(AppContext.BaseDirectory, name + ".dll");
            using var assembly = AssemblyDefinition.ReadAssembly(path, new ReaderParameters { AssemblyResolver = resolver });
            foreach (var type in assembly.MainModule.GetTypes())
            foreach (var method in type.Methods.Where(method => method.HasBody))
            foreach (var instruction in method.Body.Instructions)
            {
                if (instruction.Operand is not MemberReference member || !IsInternalOfMLNet(member))
                    continue;
                var outer = type;
                while (outer.DeclaringType is { } declaring)
                    outer = declaring;
                if (outer.Namespace == "MLNetLosses.Interop" || outer.FullName == "Microsoft.ML.MLContextExtensions")
                    inside++;
                else
                    offenders.Add($"{method.FullName} uses {member.FullName}");
            }
        }
        Assert.IsGreaterThan(10, inside, "The test no longer sees what is used: it is broken itself.");
        Assert.IsEmpty(offenders, string.Join(Environment.NewLine, offenders));
    }

    private static bool IsMLNet(TypeReference type) =>
        type.GetElementType().Scope?.Name.StartsWith("Microsoft.ML", StringComparison.Ordinal) == true;

    private static bool IsInternalOfMLNet(MemberReference member)
    {
        if ((member as TypeReference ?? member.DeclaringType) is not { } type || !IsMLNet(type))
            return false;
        return member switch
        {
            MethodReference method => method.Resolve() is { } m && (m.IsAssembly || IsInternal(m.DeclaringType)),
            FieldReference field => field.Resolve() is { } f && (f.IsAssembly || IsInternal(f.DeclaringType)),
            TypeReference => type.GetElementType().Resolve() is { } t && IsInternal(t),
            _ => false,
        };
    }

    private static bool IsInternal(TypeDefinition? type) =>
        type is not null && (type.IsNested ? type.IsNestedAssembly || IsInternal(type.DeclaringType) : type.IsNotPublic);
}
