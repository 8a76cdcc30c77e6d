using MLNetLosses.Interop;
using MLNetLosses.Transforms;

// What mlContext.Model.Load finds by itself.
[assembly: Loadable<RowTransformer<LoadMask>>]
[assembly: Loadable<RowTransformer<MaskToImage>>]
[assembly: Loadable<RowTransformer<FindRegions>>]
