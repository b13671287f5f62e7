// Sums of squares of the rows and columns of matrices, of which a rank holds arbitrary ranges. The sums are exact to
// the chosen unit and therefore the same in any order.
//
// Every square is rounded to a whole number of units. The unit is a power of two, taken from the norm of the whole
// gradient, which all ranks know and which bounds every such sum. The remainder is rounded to a unit 2^30 times
// smaller and summed separately. All partial sums are whole numbers of units below 2^53, so that additions in fp64
// are exact, whatever their order; between ranks they are added as 64-bit integers. A mean of squares is thereby
// exact to 2^-81 of the square of the norm.
import Foundation
import Kernels
import Tensors

extension ParameterSpec {
  var isMatrix: Bool { shape.count == 2 }
}

struct FactoredSquares {
  /// The larger unit, and the one 2^30 times smaller.
  private let unit: Double
  private let small: Double
  /// Where the sums of a parameter begin; rows first, then columns.
  private let places: [Int: Int]
  /// [row or column][whole units, small units]
  private var sums: [Int64]

  /// The most rows and columns of a matrix, so that the small units of a sum stay below 2^53.
  static let longest = (1 << 22) - 1

  /// - Parameters:
  ///   - layout: the layout whose matrices are summed, including those of which this rank has no part.
  ///   - norm: the norm of all gradients that will be added, scaled as they will be.
  init(_ layout: ParameterLayout, norm: Double) {
    // A little above: the norm is rounded, and so are the scaled gradients.
    let bound = norm * norm * 1.001
    unit = bound > 0 && bound.isFinite ? scalbn(1, Int(bound.exponent) + 1 - 51) : 1
    small = unit * 0x1p-30
    var places: [Int: Int] = [:]
    var end = 0
    for (index, parameter) in layout.parameters.enumerated()
    where parameter.spec.trains && parameter.spec.isMatrix {
      places[index] = end
      end += 2 * (parameter.spec.shape[0] + parameter.spec.shape[1])
    }
    self.places = places
    sums = [Int64](repeating: 0, count: end)
  }

  /// Adds the squares of a range of a matrix.
  mutating func add(_ stretch: UpdateStretch, gradientScale: Float, engine: Engine) {
    guard let place = places[stretch.parameter] else { preconditionFailure("the matrix was not announced") }
    let (rows, columns) = (stretch.shape[0], stretch.shape[1])
    let firstRow = stretch.start / columns
    let rowCount = (stretch.start + stretch.count - 1) / columns - firstRow + 1
    // The sums of one worker, for the rows of this range and all columns: [rows, columns][2].
    let width = 2 * (rowCount + columns)
    let workers = engine.pool.threads
    let memory = UnsafeMutablePointer<Double>.allocate(capacity: width * workers)
    defer { memory.deallocate() }
    memory.initialize(repeating: 0, count: width * workers)
    let (unit, small) = (unit, small)
    let tile = 16384
    engine.pool.run((stretch.count + tile - 1) / tile) { index, worker in
      let rowSums = memory + worker * width
      let wholeColumns = rowSums + 2 * rowCount
      var begin = index * tile
      let end = min(begin + tile, stretch.count)
      while begin < end {
        let number = stretch.start + begin
        let column = number % columns
        let count = min(columns - column, end - begin)
        let row = rowSums + 2 * (number / columns - firstRow)
        let (whole, rest) = addSquares(
          stretch.gradients + begin, count: count, scale: gradientScale, unit: unit, small: small,
          wholeColumns + column, wholeColumns + columns + column)
        row[0] += whole
        row[1] += rest
        begin += count
      }
    }
    for worker in 0..<workers {
      let rowSums = memory + worker * width
      let wholeColumns = rowSums + 2 * rowCount
      func add(_ index: Int, _ whole: Double, _ rest: Double) {
        // A gradient that is not finite has no sum; its norm makes the step be refused.
        guard whole.isFinite, rest.isFinite else { return }
        sums[place + 2 * index] &+= Int64(whole / unit)
        sums[place + 2 * index + 1] &+= Int64(rest / small)
      }
      for row in 0..<rowCount { add(firstRow + row, rowSums[2 * row], rowSums[2 * row + 1]) }
      for column in 0..<columns {
        add(rows + column, wholeColumns[column], wholeColumns[columns + column])
      }
    }
  }

  /// Adds the sums of other ranks.
  mutating func complete(_ ranks: any ParameterSums) { ranks.add(&sums) }

  /// The sum of squares of a matrix's row, or of its column `index` − rows.
  func sum(_ parameter: Int, _ index: Int) -> Double {
    guard let start = places[parameter] else { preconditionFailure("not a matrix of this layout") }
    let place = start + 2 * index
    return Double(sums[place]) * unit + Double(sums[place + 1]) * small
  }
}

/// Adds each square to the sums of its column, and returns the sums of all.
private func addSquares(
  _ x: UnsafePointer<Float>, count: Int, scale: Float, unit: Double, small: Double,
  _ whole: UnsafeMutablePointer<Double>, _ rest: UnsafeMutablePointer<Double>
) -> (whole: Double, rest: Double) {
  typealias Wide = SIMD8<Double>
  // Adding 1.5·2^52 units rounds to whole units.
  let magic = Wide(repeating: 0x1.8p52 * unit)
  let smallMagic = Wide(repeating: 0x1.8p52 * small)
  var wholeSum = Wide()
  var restSum = Wide()
  var index = 0
  while index + 8 <= count {
    let eight = UnsafeRawPointer(x + index).loadUnaligned(as: SIMD8<Float>.self) * scale
    var wide = Wide()
    for lane in 0..<8 { wide[lane] = Double(eight[lane]) }
    let square = wide * wide
    let units = (square + magic) - magic
    let smallUnits = ((square - units) + smallMagic) - smallMagic
    wholeSum += units
    restSum += smallUnits
    let (w, r) = (UnsafeMutableRawPointer(whole + index), UnsafeMutableRawPointer(rest + index))
    w.storeBytes(of: w.loadUnaligned(as: Wide.self) + units, as: Wide.self)
    r.storeBytes(of: r.loadUnaligned(as: Wide.self) + smallUnits, as: Wide.self)
    index += 8
  }
  var (wholeTotal, restTotal) = (wholeSum.sum(), restSum.sum())
  while index < count {
    let value = Double(x[index] * scale)
    let units = (value * value + magic[0]) - magic[0]
    let smallUnits = ((value * value - units) + smallMagic[0]) - smallMagic[0]
    wholeTotal += units
    restTotal += smallUnits
    whole[index] += units
    rest[index] += smallUnits
    index += 1
  }
  return (wholeTotal, restTotal)
}
