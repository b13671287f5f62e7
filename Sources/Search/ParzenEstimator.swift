// The density of a setting in some trials, as the univariate estimator of optuna's TPESampler has it: a mixture of a wide
// prior and of one kernel for each trial, of which newer trials weigh more.
//
// A kernel of a number is a normal distribution around it, cut off at the ends of the range, as wide as the larger distance
// to its neighbours; ranges of logarithms are taken as such, and whole numbers have the mass between their halves. A kernel
// of a choice has its value once, and all values in part.
import Base
import Foundation

package struct ParzenEstimator {
  /// [kernels].
  private let weights: [Double]
  private let form: Form

  private enum Form {
    /// Centres and widths of kernels in low...high; whole numbers have a step of 1.
    case numbers(centres: [Double], widths: [Double], low: Double, high: Double, isWhole: Bool)
    /// [kernels][choices].
    case choices([[Double]])
  }

  /// - Parameter values: of trials, in their order, within the range.
  package init(_ range: SettingRange, _ values: [JSON]) {
    weights = Self.weights(values.count)
    switch range {
    case .choice(let choices):
      let share = 1 / Double(values.count + 1)
      form = .choices(
        values.map { value in
          let own = choices.map { $0 == value ? share + 1 : share }
          let sum = own.reduce(0, +)
          return own.map { $0 / sum }
        } + [choices.map { _ in 1 / Double(choices.count) }])
    default:
      let (low, high, isWhole) = Self.bounds(range)
      let centres = values.compactMap { $0.double.map { Self.transformed($0, range) } }
      let step = isWhole ? 1.0 : 0
      let middle = (low + high) / 2
      form = .numbers(
        centres: centres + [middle],
        widths: Self.widths(centres, low: low, high: high, step: step) + [high - low + step],
        low: low, high: high, isWhole: isWhole)
    }
  }

  /// The newest twenty-five trials weigh 1, older ones less; the prior behind them weighs 1.
  private static func weights(_ count: Int) -> [Double] {
    let old = max(count - 25, 0)
    let first = 1 / Double(max(count, 1))
    let ramp = (0..<old).map { old == 1 ? first : first + (1 - first) * Double($0) / Double(old - 1) }
    let all = ramp + [Double](repeating: 1, count: count - old) + [1]
    let sum = all.reduce(0, +)
    return all.map { $0 / sum }
  }

  private static func widths(
    _ centres: [Double], low: Double, high: Double, step: Double
  ) -> [Double] {
    let all = centres
    guard !all.isEmpty else { return [] }
    // Equals stay in their order.
    let order = all.indices.sorted { (all[$0], $0) < (all[$1], $1) }
    let ends = [low - step / 2] + order.map { all[$0] } + [high + step / 2]
    var sorted = order.indices.map { max(ends[$0 + 1] - ends[$0], ends[$0 + 2] - ends[$0 + 1]) }
    // The outermost know their inner neighbour alone.
    if ends.count >= 4 {
      sorted[0] = ends[2] - ends[1]
      sorted[sorted.count - 1] = ends[ends.count - 2] - ends[ends.count - 3]
    }
    let (least, most) = ((high - low + step) / min(100, Double(all.count) + 2), high - low + step)
    var widths = [Double](repeating: 0, count: all.count)
    for (place, index) in order.enumerated() { widths[index] = min(max(sorted[place], least), most) }
    return widths
  }

  private static func bounds(_ range: SettingRange) -> (low: Double, high: Double, isWhole: Bool) {
    switch range {
    case .uniform(let range): (range.lowerBound, range.upperBound, false)
    case .log(let range): (Foundation.log(range.lowerBound), Foundation.log(range.upperBound), false)
    case .int(let range): (Double(range.lowerBound), Double(range.upperBound), true)
    case .choice: preconditionFailure("choices have no bounds")
    }
  }

  private static func transformed(_ value: Double, _ range: SettingRange) -> Double {
    if case .log = range { Foundation.log(value) } else { value }
  }

  // MARK: what it gives

  /// The logarithm of the density of a value, or of the probability of a whole number or a choice.
  package func logDensity(_ value: JSON, _ range: SettingRange) -> Double {
    let parts: [Double]
    switch (form, range) {
    case (.choices(let shares), .choice(let choices)):
      guard let place = choices.firstIndex(of: value) else { return -.infinity }
      parts = shares.map { $0[place] }
    case (.numbers(let centres, let widths, let low, let high, let isWhole), _):
      let x = Self.transformed(value.double ?? .nan, range)
      let half = isWhole ? 0.5 : 0
      parts = zip(centres, widths).map { centre, width in
        guard width > 0 else { return x == centre ? 1 : 0 }
        func mass(_ a: Double, _ b: Double) -> Double {
          Self.mass((a - centre) / width, (b - centre) / width)
        }
        let whole = mass(low - half, high + half)
        if isWhole { return mass(x - 0.5, x + 0.5) / whole }
        let z = (x - centre) / width
        return exp(-z * z / 2) / (width * (2 * Double.pi).squareRoot()) / whole
      }
    default: return -.infinity
    }
    return Foundation.log(zip(weights, parts).reduce(0) { $0 + $1.0 * $1.1 })
  }

  /// A value that is drawn from the mixture.
  package func draw(_ range: SettingRange, _ stream: inout PhiloxStream) -> JSON {
    let kernel = Self.place(of: stream.unit(), in: weights)
    let at = stream.unit()
    switch (form, range) {
    case (.choices(let shares), .choice(let choices)): return choices[Self.place(of: at, in: shares[kernel])]
    case (.numbers(let centres, let widths, let low, let high, let isWhole), _):
      let half = isWhole ? 0.5 : 0
      let x = Self.quantile(
        at, centre: centres[kernel], width: widths[kernel], from: low - half, to: high + half)
      switch range {
      case .log(let range): return .number(min(max(exp(x), range.lowerBound), range.upperBound))
      case .int(let range):
        return .integer(min(max(Int(x.rounded()), range.lowerBound), range.upperBound))
      case .uniform(let range): return .number(min(max(x, range.lowerBound), range.upperBound))
      case .choice: preconditionFailure("choices have shares")
      }
    default: preconditionFailure("the range is another")
    }
  }

  private static func place(of draw: Double, in shares: [Double]) -> Int {
    var sum = 0.0
    for (place, share) in shares.enumerated() {
      sum += share
      if draw < sum { return place }
    }
    return shares.count - 1
  }

  /// The probability of a < z < b of the standard normal distribution, exact in both tails.
  private static func mass(_ a: Double, _ b: Double) -> Double {
    let root = 2.0.squareRoot()
    if a > 0 { return (erfc(a / root) - erfc(b / root)) / 2 }
    return (erfc(-b / root) - erfc(-a / root)) / 2
  }

  /// Where a normal distribution that is cut off has so much of its mass behind it.
  private static func quantile(
    _ share: Double, centre: Double, width: Double, from low: Double, to high: Double
  ) -> Double {
    guard width > 0 else { return centre }
    let (a, b) = ((low - centre) / width, (high - centre) / width)
    let wanted = share * mass(a, b)
    var (left, right) = (a, b)
    for _ in 0..<60 {
      let middle = (left + right) / 2
      if mass(a, middle) < wanted { left = middle } else { right = middle }
    }
    return centre + width * (left + right) / 2
  }
}
