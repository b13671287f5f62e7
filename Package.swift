// swift-tools-version: 6.1
// Targets are in the order in which the data flows; a target may import only targets above it.
// `swift build --explicit-target-dependency-import-check error` refuses every other import.
import PackageDescription

/// The instruction set of the numeric targets: `native`, or any name that clang's `-march` knows.
let march = Context.environment["SWIFTDP_MARCH"] ?? "native"

/// For targets with hot loops: the machine's own vector width. Checks stay on: the fastest of twelve steps of `bench
/// model` on one thread took 2.346 s without them (-Ounchecked), and 2.344 s with them.
let numeric: [SwiftSetting] = [
  .unsafeFlags(["-O", "-Xcc", "-march=\(march)", "-Xcc", "-fno-math-errno"])
]

/// For targets that a training step runs through. Without it, debug builds allocate in every loop, and the test that
/// steps allocate nothing would see nothing else.
let inStep: [SwiftSetting] = [.unsafeFlags(["-O"])]

/// For tests that wait for other programs, or for the modules that they test: to optimise them takes minutes, and they
/// are no faster for it.
let waiting: [SwiftSetting] = [.unsafeFlags(["-Onone"])]

/// For fp64 references, whose plain loops are slow even when optimised.
let reference: [SwiftSetting] = [.unsafeFlags(["-O", "-Xcc", "-march=\(march)"])]

let package = Package(
  name: "swiftdp",
  products: [
    .executable(name: "swiftdp", targets: ["swiftdp"]),
    // For tests only: one is loaded into ranks that are made to fail, the other counts what a rank allocates.
    .library(name: "RankFaults", type: .dynamic, targets: ["RankFaults"]),
    .library(name: "RankAllocations", type: .dynamic, targets: ["RankAllocations"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
    // Without its traits, whose order in the compiler's arguments changes from run to run, so that it was built again.
    .package(url: "https://github.com/apple/swift-protobuf", from: "1.30.0", traits: []),
    .package(url: "https://github.com/groue/GRDB.swift", from: "7.0.0"),
  ],
  targets: [
    .systemLibrary(name: "CMPI", path: "Sources/Bindings/CMPI", pkgConfig: "ompi-c"),
    .systemLibrary(name: "CProcessor", path: "Sources/Bindings/CProcessor"),
    .systemLibrary(name: "CProcess", path: "Sources/Bindings/CProcess"),
    .systemLibrary(name: "CCompression", path: "Sources/Bindings/CCompression"),
    .systemLibrary(name: "CDigests", path: "Sources/Bindings/CDigests"),
    .target(name: "Base", dependencies: ["CProcessor"]),
    .target(name: "Compression", dependencies: ["CCompression"]),
    .target(name: "Digests", dependencies: ["Base", "CDigests"]),
    .target(name: "Parquet", dependencies: ["Base", "Compression"]),
    .target(
      name: "Tokenizers",
      dependencies: ["Base", .product(name: "SwiftProtobuf", package: "swift-protobuf")],
      exclude: ["SentencePiece/sentencepiece_model.proto"]),
    .target(name: "Templates", dependencies: ["Base"], resources: [.embedInCode("Shipped")]),
    .target(
      name: "Datasets",
      dependencies: ["Base", "Compression", "Digests", "Parquet", "Tokenizers", "Templates"],
      swiftSettings: inStep),
    .target(name: "Tensors", dependencies: ["Base", "CProcessor"], swiftSettings: numeric),
    .target(name: "Kernels", dependencies: ["Base", "Tensors", "CProcessor"], swiftSettings: numeric),
    .target(name: "Graph", dependencies: ["Base", "Tensors", "Kernels"], swiftSettings: inStep),
    .target(name: "Adapters", dependencies: ["Base", "Tensors", "Graph"]),
    .target(name: "Models", dependencies: ["Base", "Tensors", "Kernels", "Graph", "Adapters"]),
    .target(name: "Metrics", dependencies: ["Base"]),
    .target(name: "Rewards", dependencies: ["Base", "CProcess"]),
    .target(
      name: "Objectives",
      dependencies: [
        "Base", "Tokenizers", "Datasets", "Tensors", "Kernels", "Graph", "Models", "Metrics", "Rewards",
      ]),
    .target(name: "Collectives", dependencies: ["Base", "CMPI", "CProcessor"], swiftSettings: inStep),
    .target(
      name: "Preparation",
      dependencies: [
        "Base", "Compression", "Tokenizers", "Templates", "Datasets", "Metrics", "Collectives",
      ]),
    .target(
      name: "Inspection", dependencies: ["Base", "Tokenizers", "Templates", "Datasets", "Metrics"]),
    .target(name: "Optimizers", dependencies: ["Base", "Tensors", "Kernels"], swiftSettings: numeric),
    .target(
      name: "Sharding",
      dependencies: ["Base", "Tensors", "Kernels", "Collectives", "Optimizers"], swiftSettings: numeric),
    .target(
      name: "Checkpoints",
      dependencies: [
        "Base", "Digests", "Tensors", "Kernels", "Adapters", "Models", "Collectives", "Optimizers",
        "Sharding",
      ]),
    // Hides GRDB from all other modules.
    .target(
      name: "Databases", dependencies: [.product(name: "GRDB", package: "GRDB.swift")],
      swiftSettings: [.unsafeFlags(["-enable-library-evolution"])]),
    .target(
      name: "Retrieval",
      dependencies: [
        "Base", "Tokenizers", "Templates", "Datasets", "Tensors", "Kernels", "Metrics", "Collectives",
        "Checkpoints", "Databases",
      ], swiftSettings: numeric),
    .target(name: "Generation", dependencies: ["Base", "Kernels", "Graph", "Models"], swiftSettings: inStep),
    .target(
      name: "Evaluation",
      dependencies: [
        "Base", "Tokenizers", "Templates", "Datasets", "Kernels", "Graph", "Models", "Metrics",
        "Collectives", "Generation", "Digests", "Yams",
      ],
      resources: [.embedInCode("Shipped")]),
    .target(
      name: "Export",
      dependencies: [
        "Base", "Tokenizers", "Templates", "Tensors", "Kernels", "Graph", "Adapters", "Models", "Checkpoints",
      ], swiftSettings: inStep),
    .target(name: "Tasks", dependencies: ["Base", "Datasets"]),
    .target(
      name: "Recipes",
      dependencies: [
        "Base", "Datasets", "Tensors", "Kernels", "Graph", "Adapters", "Models", "Objectives", "Optimizers",
        "Sharding", "Checkpoints", "Yams",
      ]),
    .target(
      name: "Merging",
      dependencies: ["Base", "Graph", "Tensors", "Kernels", "Adapters", "Models", "Checkpoints"],
      swiftSettings: inStep),
    .target(name: "Search", dependencies: ["Base"]),
    .target(
      name: "Planning",
      dependencies: [
        "Base", "Datasets", "Tensors", "Kernels", "Graph", "Models", "Objectives", "Optimizers", "Sharding",
        "Recipes",
      ]),
    .target(
      name: "Training",
      dependencies: [
        "Base", "Tokenizers", "Datasets", "Tensors", "Kernels", "Graph", "Adapters", "Models", "Objectives",
        "Metrics", "Rewards", "Collectives", "Inspection", "Optimizers", "Sharding", "Checkpoints",
        "Retrieval", "Generation", "Evaluation", "Templates", "Tasks", "Recipes", "Planning",
      ], swiftSettings: inStep),
    .target(
      name: "Reports",
      dependencies: [
        "Base", "Datasets", "Objectives", "Collectives", "Sharding", "Recipes", "Training",
        .product(name: "SwiftProtobuf", package: "swift-protobuf"),
      ],
      exclude: ["TensorBoard/tensorboard_events.proto"]),
    .target(name: "Schedulers", dependencies: ["Base", "CProcess"]),
    .executableTarget(
      name: "swiftdp",
      dependencies: [
        "Base", "CProcess", "Compression", "Tokenizers", "Templates", "Datasets", "Tensors", "Kernels",
        "Graph", "Adapters",
        "Models", "Objectives", "Collectives", "Preparation", "Inspection", "Optimizers", "Sharding",
        "Checkpoints", "Retrieval", "Metrics",
        "Generation", "Evaluation", "Export", "Tasks",
        "Recipes",
        "Merging", "Search", "Planning", "Training", "Reports", "Schedulers",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      resources: [.copy("Shipped")],
      // The build ID tells ranks of different builds apart.
      linkerSettings: [.unsafeFlags(["-Xlinker", "--build-id=sha1"])]),
    // Compares all methods, for launch/survey.
    .executableTarget(
      name: "survey",
      dependencies: ["Base", .product(name: "ArgumentParser", package: "swift-argument-parser")],
      path: "Sources/Survey", exclude: ["sonnets.txt", "facts.jsonl"]),
    // Ends tests that would go on for ever.
    .target(name: "TimeLimits", path: "Tests/TimeLimits"),
    .testTarget(
      name: "BaseTests", dependencies: ["Base", "Digests", "CProcessor", "TimeLimits"], swiftSettings: waiting
    ),
    .testTarget(
      name: "TrainingTests",
      dependencies: [
        "Base", "Datasets", "Tensors", "Kernels", "Graph", "Adapters", "Models", "Objectives", "Optimizers",
        "Collectives", "Sharding", "Checkpoints", "Generation", "Metrics", "Recipes", "Planning", "Training",
        "Tokenizers", "TimeLimits",
      ]),
    .testTarget(name: "SchedulerTests", dependencies: ["Base", "Schedulers"], swiftSettings: waiting),
    .testTarget(name: "SearchTests", dependencies: ["Base", "Search"], swiftSettings: waiting),
    .testTarget(
      name: "ParquetTests", dependencies: ["Base", "Compression", "Parquet"], swiftSettings: waiting),
    .testTarget(
      name: "DatasetTests", dependencies: ["Base", "Compression", "Tokenizers", "Datasets"],
      swiftSettings: waiting),
    .testTarget(
      name: "PreparationTests",
      dependencies: ["Base", "Datasets", "Collectives", "Preparation"],
      swiftSettings: waiting),
    .testTarget(
      name: "InspectionTests",
      dependencies: ["Base", "Tokenizers", "Datasets", "Metrics", "Inspection"],
      swiftSettings: waiting),
    .testTarget(
      name: "RetrievalTests",
      dependencies: ["Base", "Tokenizers", "Datasets", "Kernels", "Collectives", "Checkpoints", "Retrieval"],
      swiftSettings: waiting),
    .testTarget(name: "MetricTests", dependencies: ["Base", "Metrics"], swiftSettings: waiting),
    .testTarget(name: "RewardTests", dependencies: ["Base", "Rewards"], swiftSettings: waiting),
    .testTarget(name: "EvaluationTests", dependencies: ["Base", "Evaluation"], swiftSettings: waiting),
    .testTarget(name: "TaskTests", dependencies: ["Base", "Datasets", "Tasks"], swiftSettings: waiting),
    .testTarget(
      name: "CheckpointTests", dependencies: ["Base", "Tensors", "Checkpoints"], swiftSettings: waiting),
    .testTarget(name: "TokenizerTests", dependencies: ["Base", "Tokenizers", "TimeLimits"]),
    .testTarget(name: "TemplateTests", dependencies: ["Base", "Templates"], swiftSettings: waiting),
    // Formulas in fp64, which the tests of kernels and programs compare with.
    .target(
      name: "Reference", dependencies: ["Base", "Tensors"], path: "Tests/Reference", swiftSettings: reference),
    .testTarget(
      name: "KernelTests",
      dependencies: ["Base", "CProcessor", "Tensors", "Kernels", "Optimizers", "Checkpoints", "Reference"],
      swiftSettings: reference),
    .testTarget(
      name: "GraphTests",
      dependencies: [
        "Base", "Tensors", "Kernels", "Graph", "Collectives", "Optimizers", "Sharding", "Reference",
      ], swiftSettings: reference),
    // The program that tests run on several ranks, and the ways in which a rank is made to fail.
    .executableTarget(
      name: "RankChecks",
      dependencies: [
        "Base", "Datasets", "Tensors", "Kernels", "Graph", "Adapters", "Models", "Objectives", "Collectives",
        "Optimizers", "Sharding", "Recipes", "Training", "Reference",
      ], path: "Tests/Parallel/Ranks", swiftSettings: reference),
    .target(name: "RankFaults", path: "Tests/Parallel/Faults"),
    .target(name: "RankAllocations", path: "Tests/Parallel/Allocations"),
    // Readers of files that anybody may have written, for launch/fuzz and for the replay of the inputs that it kept.
    .target(
      name: "FuzzReaders",
      dependencies: [
        "Base", "Parquet", "Tokenizers", "Templates", "Datasets", "Models", "Checkpoints", "Retrieval",
        "Evaluation", "Recipes",
      ],
      path: "Tests/Fuzzing/Readers"),
    .executableTarget(
      name: "FuzzReplay", dependencies: ["Base", "FuzzReaders"], path: "Tests/Fuzzing/Replay"),
    // A network with rate and delay between namespaces, for launch/slow-network.
    .systemLibrary(name: "CTap", path: "Tests/Network/CTap"),
    .executableTarget(name: "NetworkDelay", dependencies: ["CTap"], path: "Tests/Network/NetworkDelay"),
    .testTarget(
      name: "CommandLineTests",
      dependencies: ["Base", "Compression", .product(name: "Yams", package: "Yams")],
      swiftSettings: waiting),
    // It imports none of the programs; it depends on them so that they are built.
    .testTarget(
      name: "BuildTests", dependencies: ["swiftdp", "survey", "RankChecks", "FuzzReplay", "NetworkDelay"],
      swiftSettings: waiting),
  ]
)

// launch/fuzz sets it to libFuzzer's library without a `main`; the readers count their edges for it.
if let libFuzzer = Context.environment["SWIFTDP_FUZZER"] {
  let readers: Set = [
    "Base", "Compression", "Parquet", "Tokenizers", "Templates", "Datasets", "Models", "Checkpoints",
    "Retrieval", "Evaluation", "Recipes",
    "FuzzReaders",
  ]
  for target in package.targets where readers.contains(target.name) {
    target.swiftSettings = (target.swiftSettings ?? []) + [.unsafeFlags(["-sanitize=fuzzer"])]
  }
  package.targets.append(
    .executableTarget(
      name: "Fuzzer", dependencies: ["FuzzReaders"], path: "Tests/Fuzzing/Fuzzer",
      linkerSettings: [.unsafeFlags([libFuzzer, "-lstdc++", "-lm"])]))
}
