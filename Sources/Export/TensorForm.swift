// What is done with the numbers of a parameter on their way into a GGUF file.

enum TensorForm: Equatable {
  case same
  /// [inputs, outputs] becomes [outputs, inputs].
  case turned
  /// Rows of heads from the half-split order of rotary positions to pairs that are neighbours.
  case pairs(heads: Int)
  /// A norm whose weight is stored as its difference from 1.
  case plusOne
  /// Rows of query, key and value of one head after the other become those of all queries, then all keys, then all values.
  case grouped(heads: Int)

  /// The form of a low-rank term's B, [outputs, rank], where this is that of the projection.
  var ofOutputs: TensorForm {
    switch self {
    case .pairs, .grouped: self
    case .same, .turned, .plusOne: .same
    }
  }

  func arranged(_ values: [Float], _ shape: [Int]) -> [Float] {
    let columns = shape.count > 1 ? shape[1] : 1
    switch self {
    case .same: return values
    case .plusOne: return values.map { $0 + 1 }
    case .turned:
      var out = [Float](repeating: 0, count: values.count)
      for row in 0..<shape[0] {
        for column in 0..<columns { out[column * shape[0] + row] = values[row * columns + column] }
      }
      return out
    case .pairs(let heads):
      let width = shape[0] / heads
      return rows(values, columns) { row in
        let (head, place) = (row / width, row % width)
        return head * width + place / 2 + place % 2 * (width / 2)
      }
    case .grouped(let heads):
      let width = shape[0] / (3 * heads)
      return rows(values, columns) { row in
        let (part, head, place) = (row / (heads * width), row / width % heads, row % width)
        return (head * 3 + part) * width + place
      }
    }
  }

  /// - Parameter source: the row that goes to a place.
  private func rows(_ values: [Float], _ columns: Int, _ source: (Int) -> Int) -> [Float] {
    var out: [Float] = []
    out.reserveCapacity(values.count)
    for row in 0..<values.count / max(columns, 1) {
      let from = source(row)
      out += values[from * columns..<(from + 1) * columns]
    }
    return out
  }
}
