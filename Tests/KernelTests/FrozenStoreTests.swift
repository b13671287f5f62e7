// The store of frozen parameters: who fills what, and what is read of it.
import Kernels
import Reference
import Tensors
import Testing

@Suite struct FrozenStoreTests {
  private static let layout = ParameterLayout(specs: [
    spec("table", [31, 48]), spec("trained", [9, 9], trains: true), spec("gain", [48]),
    spec("odd", [7, 33], isProjection: true), spec("large", [65, 130], isProjection: true), spec("bias", [5]),
    spec("one", [1, 1], isProjection: true),
  ])

  private static func spec(
    _ name: String, _ shape: [Int], trains: Bool = false, isProjection: Bool = false
  ) -> ParameterSpec {
    ParameterSpec(
      name: name, shape: shape, decays: true, initial: .zeros, trains: trains, isProjection: isProjection)
  }

  /// Numbers that follow from the parameter, and who has asked for them.
  private struct Reader: WeightReader {
    static func values(_ parameter: Int) -> [Float] {
      var draw = Draw(330 + parameter)
      return draw.floats(layout.parameters[parameter].range.count)
    }

    func read(_ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
      for (place, value) in Self.values(parameter)[elements].enumerated() { target[place] = value }
    }
  }

  private static func inOrder(_ tiles: Int, _ body: (Int) -> Void) { (0..<tiles).forEach(body) }

  private func values(_ store: FrozenStore, _ parameter: Int) -> [Float] {
    let y = Floats(count: Self.layout.parameters[parameter].range.count)
    store.read(parameter, 0..<y.count, into: y.base)
    return y.values
  }

  @Test(arguments: FrozenStorageTests.storages, ElementType.allCases)
  func ranksOfAHostFillOneStore(_ storage: FrozenStorage, _ type: ElementType) throws {
    let plan = FrozenPlan(Self.layout, FrozenForm(projections: storage), type: type)
    let alone = FrozenStore(plan)
    try alone.fill(from: Reader(), on: Self.inOrder)
    for ranks in 1...4 {
      let memory = FlatMemory(count: (plan.bytes + 3) / 4, label: "shared")
      let stores = (0..<ranks).map { FrozenStore(plan, shared: (memory, rank: $0, ranks: ranks)) }
      for store in stores {
        try store.fill(from: Reader(), on: Self.inOrder)
      }
      var compared = 0
      for parameter in plan.parameters {
        #expect(sameBits(values(stores[ranks - 1], parameter), values(alone, parameter)), "\(ranks) ranks")
        compared += 1
      }
      #expect(compared == 6)
    }
  }

  @Test(arguments: FrozenStorageTests.storages)
  func parametersAreWhatTheirStorageMakesOfThem(_ storage: FrozenStorage) throws {
    let store = FrozenStore(FrozenPlan(Self.layout, FrozenForm(projections: storage), type: .bfloat16))
    try store.fill(from: Reader(), on: Self.inOrder)
    func index(_ name: String) throws -> Int { try #require(Self.layout.index(of: name)) }
    for name in ["gain", "bias"] {
      let parameter = try index(name)
      let want = Reader.values(parameter)
      #expect(values(store, parameter) == want)
      #expect(Array(UnsafeBufferPointer(start: store.floats(of: parameter), count: want.count)) == want)
    }
    let table = try index("table")
    #expect(values(store, table) == Reader.values(table).map { BFloat16(rounding: $0).float })
    for (name, rows, columns) in [("odd", 7, 33), ("large", 65, 130), ("one", 1, 1)] {
      let parameter = try index(name)
      let stored = StoredMatrix(storage, rows: rows, columns: columns, Reader.values(parameter))
      let whole = stored.values
      #expect(sameBits(values(store, parameter), whole), "\(name)")
      // Across rows, from odd places.
      for (start, end) in [(0, 1), (3, 40), (31, 200), (129, 1001), (33, 66)] where end <= whole.count {
        let y = Floats(count: end - start)
        store.read(parameter, start..<end, into: y.base)
        #expect(sameBits(y.values, Array(whole[start..<end])), "\(name), \(start) to \(end)")
      }
    }
  }

  /// Numbers of bfloat16 in memory, as a file that is mapped holds them.
  private struct MappedReader: WeightReader {
    private let memory: FlatMemory
    let starts: [Int]

    init() {
      let layout = FrozenStoreTests.layout
      memory = FlatMemory(count: layout.count, label: "file")
      starts = layout.parameters.map(\.range.lowerBound)
      let halves = UnsafeMutableRawPointer(memory.base).assumingMemoryBound(to: BFloat16.self)
      for (index, parameter) in layout.parameters.enumerated() {
        for (place, value) in Reader.values(index).enumerated() {
          halves[parameter.range.lowerBound + place] = BFloat16(rounding: value)
        }
      }
    }

    private func values(_ parameter: Int) -> UnsafePointer<BFloat16> {
      UnsafePointer(UnsafeMutableRawPointer(memory.base).assumingMemoryBound(to: BFloat16.self))
        + starts[parameter]
    }

    func read(_ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutableBufferPointer<Float>) {
      for (place, element) in elements.enumerated() { target[place] = values(parameter)[element].float }
    }

    func halves(of parameter: Int) -> MappedHalves? {
      MappedHalves(values(parameter), of: memory) {}
    }
  }

  @Test(arguments: FrozenStorageTests.storages, ElementType.allCases)
  func whatLiesInHalvesIsReadThere(_ storage: FrozenStorage, _ type: ElementType) throws {
    let reader = MappedReader()
    let names = Set(Self.layout.parameters.map(\.spec.name))
    let plain = FrozenPlan(Self.layout, FrozenForm(projections: storage), type: type)
    let plan = FrozenPlan(Self.layout, FrozenForm(projections: storage), type: type, inHalves: names)
    // Tables where anything is kept in less than fp32, and projections where they are bfloat16.
    let table = type == .bfloat16 || storage != .float32 ? 2 * 31 * 48 : 0
    let projections = storage == .bfloat16 ? 2 * (7 * 33 + 65 * 130 + 1) : 0
    #expect(plan.mappedBytes == table + projections)
    #expect(plan.bytes < plain.bytes || plan.mappedBytes == 0)
    let (copied, mapped) = (FrozenStore(plain), FrozenStore(plan))
    try copied.fill(from: reader, on: Self.inOrder)
    try mapped.fill(from: reader, on: Self.inOrder)
    var compared = 0
    for parameter in plan.parameters {
      #expect(sameBits(values(mapped, parameter), values(copied, parameter)))
      compared += 1
    }
    #expect(compared == 6)
  }
}
