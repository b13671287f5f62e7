// One line of a chart, with no more points than can be seen.
import Base
import Foundation

struct Curve {
  var name: String
  /// Which colour and dashes it has.
  var style: Int
  /// Whether the reader may smooth it: measured at every step.
  var isNoisy: Bool
  /// Points by step; NaN is a gap.
  private(set) var points: [(step: Int, value: Double)]

  /// - Parameter most: about how many points stay. Of the steps between two of them, the lowest and the highest
  ///   number stay, so that no spike is lost.
  init(_ name: String, steps: [Int], values: [Double], style: Int, isNoisy: Bool, most: Int) {
    (self.name, self.style, self.isNoisy) = (name, style, isNoisy)
    var all = zip(steps, values).map { (step: $0, value: $1) }
    // A number that only some steps have, such as that of a validation, is a line through them.
    if !isNoisy { all.removeAll { $0.value.isNaN } }
    points = Self.thinned(all, to: most)
  }

  var finite: [(step: Int, value: Double)] { points.filter { $0.value.isFinite } }

  private static func thinned(
    _ points: [(step: Int, value: Double)], to most: Int
  ) -> [(step: Int, value: Double)] {
    guard points.count > most, most >= 4 else { return points }
    let buckets = most / 2
    return (0..<buckets).flatMap { bucket -> [(step: Int, value: Double)] in
      let part = points[points.count * bucket / buckets..<points.count * (bucket + 1) / buckets]
      guard let low = part.min(by: { order($0.value) < order($1.value) }),
        let high = part.max(by: { order($0.value) < order($1.value) })
      else { return [] }
      var kept = [low, high]
      // The first and the last point show where the line begins and how far it goes.
      if bucket == 0 { kept.append(part.first!) }
      if bucket == buckets - 1 { kept.append(part.last!) }
      kept.sort { $0.step < $1.step }
      return kept.enumerated().filter { $0.offset == 0 || kept[$0.offset - 1].step < $0.element.step }.map(
        \.element)
    }
  }

  /// NaN stands above all, so that a gap stays one.
  private static func order(_ value: Double) -> Double { value.isNaN ? .infinity : value }

  /// The line as data of an SVG path, in steps and values; the chart's transformation puts it in its place.
  var path: String {
    var text = ""
    var isDown = false
    for (place, point) in points.enumerated() {
      guard point.value.isFinite else {
        isDown = false
        continue
      }
      let pair = "\(point.step) \(Self.short(point.value))"
      let isAlone = !isDown && (place + 1 == points.count || !points[place + 1].value.isFinite)
      text += (isDown ? "L" : "M") + pair + (isAlone ? "L" + pair : "")
      isDown = true
    }
    return text
  }

  /// Five digits.
  static func short(_ value: Double) -> String { String(format: "%.5g", value) }
}

/// A number that is not negative, in whole and grouped digits.
func wholeNumber(_ value: Double) -> String { grouped(Int(min(max(value, 0), 1e15))) }
