// The parameters of a model that no optimizer updates, each in a storage of its own: one copy for all ranks of a
// host.
import Tensors

/// Where each frozen parameter of a layout lies.
package struct FrozenPlan: Sendable {
  struct Place: Sendable {
    /// The storage of a matrix that products read; nil for vectors and tables, which kernels read as fp32 or in the
    /// type of the model.
    let storage: FrozenStorage
    let rows: Int
    let columns: Int
    /// Offsets in bytes.
    let codes: Int
    let scales: Int
    /// Whether it is read where it lies in its file, as bfloat16.
    let isMapped: Bool
  }

  /// The place of each frozen parameter, in the order of the layout.
  let places: [Place]
  /// The indices of the frozen parameters in the layout.
  package let parameters: Range<Int>
  package let bytes: Int
  /// The bytes that are read where they lie in files.
  package let mappedBytes: Int

  /// - Parameters:
  ///   - form: the storage of matrices that only products read, and of rows for tokens. Other matrices are kept in
  ///     `type`, and parameters of one dimension, and what an adapter adds, in fp32.
  ///   - inHalves: the names of matrices that lie in a file as bfloat16. Those that are kept in bfloat16 are mapped
  ///     from there; where projections take fewer bits than fp32, other matrices are kept as they lie there.
  package init(
    _ layout: ParameterLayout, _ form: FrozenForm, type: ElementType, inHalves: Set<String> = []
  ) {
    let first = layout.parameters.firstIndex { !$0.spec.trains } ?? layout.parameters.count
    parameters = first..<layout.parameters.count
    let plain: FrozenStorage = type == .float32 ? .float32 : .bfloat16
    var end = 0
    var mapped = 0
    var places: [Place] = []
    for parameter in layout.parameters[first...] {
      let shape = parameter.spec.shape
      let columns = shape.last ?? 1
      let rows = parameter.spec.count / max(columns, 1)
      let isInHalves = inHalves.contains(parameter.spec.name)
      let other = isInHalves && form.projections != .float32 ? .bfloat16 : plain
      let table = parameter.spec.hasRowsOfTokens ? form.embeddings ?? other : other
      let isPlain = shape.count < 2 || parameter.spec.isAdded
      let storage = isPlain ? .float32 : parameter.spec.isProjection ? form.projections : table
      let isMapped = isInHalves && storage == .bfloat16
      let bytes = isMapped ? (codes: 0, scales: 0) : storage.bytes(rows: rows, columns: columns)
      if isMapped { mapped += storage.bytes(rows: rows, columns: columns).codes }
      // Whole cache lines, so that no two parameters share one.
      let scales = end + (bytes.codes + 63) / 64 * 64
      places.append(
        Place(
          storage: storage, rows: rows, columns: columns, codes: end, scales: scales, isMapped: isMapped))
      end = scales + (bytes.scales + 63) / 64 * 64
    }
    self.places = places
    bytes = end
    mappedBytes = mapped
  }
}

package final class FrozenStore: @unchecked Sendable {
  package let plan: FrozenPlan
  private let memory: FlatMemory
  /// Which of the ranks that share the memory this one is, each of which brings a part.
  private let share: (rank: Int, ranks: Int)
  /// What is mapped, by its place in the plan.
  private var mapped: [Int: MappedHalves] = [:]

  /// - Parameter shared: memory of `plan.bytes` bytes that the ranks of a host share; nil for memory of its own.
  package init(
    _ plan: FrozenPlan, shared: (memory: FlatMemory, rank: Int, ranks: Int)? = nil,
    ledger: MemoryLedger? = nil
  ) {
    self.plan = plan
    memory = shared?.memory ?? FlatMemory(count: (plan.bytes + 3) / 4, label: "frozen", ledger: ledger)
    share = shared.map { ($0.rank, $0.ranks) } ?? (0, 1)
  }

  /// A matrix as products read it.
  package func operand(_ parameter: Int, type: ElementType) -> Operand {
    let matrix = matrix(parameter)
    let (rows, columns) = (matrix.rows, matrix.columns)
    switch (matrix.storage, type) {
    case (.float32, .float32):
      return .float32(
        ConstMatrix(
          UnsafePointer(matrix.codes.assumingMemoryBound(to: Float.self)), rows: rows, columns: columns))
    case (.bfloat16, .bfloat16):
      return .bfloat16(
        HalfMatrix(
          UnsafePointer(matrix.codes.assumingMemoryBound(to: BFloat16.self)), rows: rows, columns: columns))
    default: return .frozen(matrix)
    }
  }

  /// A parameter of one dimension, or one that an adapter adds.
  package func floats(of parameter: Int) -> UnsafePointer<Float> {
    let matrix = matrix(parameter)
    precondition(matrix.storage == .float32, "a frozen matrix is read by products only")
    return UnsafePointer(matrix.codes.assumingMemoryBound(to: Float.self))
  }

  /// Writes some numbers of a parameter as fp32.
  package func read(_ parameter: Int, _ elements: Range<Int>, into target: UnsafeMutablePointer<Float>) {
    let matrix = matrix(parameter)
    var start = elements.lowerBound
    while start < elements.upperBound {
      let row = start / matrix.columns
      let end = min((row + 1) * matrix.columns, elements.upperBound)
      matrix.widen(
        row: row, columns: start - row * matrix.columns..<end - row * matrix.columns,
        into: target + start - elements.lowerBound)
      start = end
    }
  }

  private func matrix(_ parameter: Int) -> FrozenMatrix {
    let place = plan.places[parameter - plan.parameters.lowerBound]
    let base = UnsafeMutableRawPointer(memory.base)
    var codes = base + place.codes
    if place.isMapped {
      guard let halves = mapped[parameter - plan.parameters.lowerBound] else {
        preconditionFailure("the store was not filled")
      }
      // Nothing writes to it: a matrix is quantised where it is not mapped.
      codes = UnsafeMutableRawPointer(mutating: halves.base)
    }
    return FrozenMatrix(
      place.storage, rows: place.rows, columns: place.columns, codes: codes,
      scales: base + place.scales)
  }

  /// Reads the parameters that are this rank's to bring.
  package func fill(from reader: any WeightReader, on run: TileRunner) throws {
    let (rank, ranks) = share
    // The largest first, each to who has least: ranks then bring about as much.
    var loads = [Int](repeating: 0, count: ranks)
    var own: [Int] = []
    let copied = plan.places.indices.filter { !plan.places[$0].isMapped }
    for index in copied.sorted(by: { (count($0), $1) > (count($1), $0) }) {
      let least = loads.indices.min { loads[$0] < loads[$1] } ?? 0
      loads[least] += count(index)
      if least == rank { own.append(plan.parameters.lowerBound + index) }
    }
    for index in plan.places.indices where plan.places[index].isMapped {
      guard let halves = reader.halves(of: plan.parameters.lowerBound + index) else {
        preconditionFailure("the plan was made for another folder")
      }
      mapped[index] = halves
    }
    try forEachThrowing(own.count, on: run) { [own] number in
      let matrix = self.matrix(own[number])
      let count = matrix.rows * matrix.columns
      if matrix.storage == .float32 {
        let target = matrix.codes.assumingMemoryBound(to: Float.self)
        try reader.read(own[number], 0..<count, into: UnsafeMutableBufferPointer(start: target, count: count))
      } else {
        let room = FlatMemory(count: count, label: "loading")
        try reader.read(
          own[number], 0..<count, into: UnsafeMutableBufferPointer(start: room.base, count: count))
        matrix.quantise(room.base)
      }
    }
  }

  /// - Throws: if a file that it reads from has lost bytes.
  package func check() throws { for halves in mapped.values { try halves.check() } }

  private func count(_ index: Int) -> Int { plan.places[index].rows * plan.places[index].columns }
}
