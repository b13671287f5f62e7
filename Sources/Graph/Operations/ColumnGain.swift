// What IA3 multiplies activations by (Liu et al. 2022): y = x ∘ l for some ranges of columns, x itself for the others;
// dx = dy ∘ l, dl = Σ_rows dy ∘ x.
import Kernels
import Tensors

extension Graph {
  /// - Parameter parts: all columns of x, in order, each with the projection whose gain they get, if any.
  /// - Returns: x itself if there are no gains.
  func gained(_ x: Value, _ parts: [(columns: Int, projection: String?)], by kind: Gain) -> Value {
    var parameters: [Int] = []
    var start = 0
    let ranges = parts.map { columns, projection in
      let range = start..<start + columns
      start += columns
      guard let projection else { return ColumnGain.Part(columns: range, gain: nil) }
      let shape = kind == .inputs ? [1, columns] : [columns, 1]
      parameters.append(addedParameter(projection + ".ia3_l", shape, initial: .ones))
      return ColumnGain.Part(columns: range, gain: parameters.count - 1)
    }
    guard !parameters.isEmpty else { return x }
    let operation = ColumnGain(
      rows: x.rows, columns: x.columns, parts: ranges, trains: parameters.contains(where: trains))
    return append(operation, inputs: [x], parameters: parameters, columns: x.columns, rows: x.rows)
  }
}

struct ColumnGain: TileFollower {
  struct Part {
    let columns: Range<Int>
    /// An index into the operation's parameters.
    let gain: Int?
  }

  let rows: Int
  let columns: Int
  let parts: [Part]
  let trains: Bool

  var keeps: Keeps { Keeps(inputs: trains ? [0] : []) }
  var isLight: Bool { true }

  private func part(_ x: UnsafePointer<Float>, _ rows: Range<Int>, _ columns: Range<Int>) -> ConstMatrix {
    ConstMatrix(
      x + rows.lowerBound * self.columns + columns.lowerBound, rows: rows.count, columns: columns.count,
      stride: self.columns)
  }

  private func part(
    _ y: UnsafeMutablePointer<Float>, _ rows: Range<Int>, _ columns: Range<Int>
  ) -> MutableMatrix {
    MutableMatrix(
      y + rows.lowerBound * self.columns + columns.lowerBound, rows: rows.count, columns: columns.count,
      stride: self.columns)
  }

  func forward(_ frame: Frame) {
    for part in parts {
      frame.engine.multiplyColumns(
        self.part(frame.input(0), 0..<rows, part.columns), by: part.gain.map(frame.added),
        into: self.part(frame.output(0), 0..<rows, part.columns), adding: false)
    }
  }

  func forward(_ frame: Frame, rows: Range<Int>, columns: Range<Int>) {
    for part in parts where part.columns.overlaps(columns) {
      let range = part.columns.clamped(to: columns)
      let gain = part.gain.map { frame.added($0) + range.lowerBound - part.columns.lowerBound }
      frame.engine.multiplyColumnsHere(
        self.part(frame.input(0), rows, range), by: gain, into: self.part(frame.output(0), rows, range),
        adding: false)
    }
  }

  func backward(_ frame: Frame) {
    let dy = frame.outputGradient(0)
    for part in parts {
      let dyPart = self.part(dy, 0..<rows, part.columns)
      if let gain = part.gain, let dGain = frame.weightGradient(gain) {
        frame.engine.columnDots(
          dyPart, frame.input(0) + part.columns.lowerBound, stride: columns, into: dGain.base,
          adding: dGain.adding)
      }
      if let dx = frame.inputGradient(0) {
        frame.engine.multiplyColumns(
          dyPart, by: part.gain.map(frame.added), into: self.part(dx.base, 0..<rows, part.columns),
          adding: dx.adding)
      }
    }
  }
}
