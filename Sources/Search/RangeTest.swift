// The test of learning rates (Smith 2017): one run whose rate rises by the same factor in each step. The loss falls, and
// rises again where rates are too large. As fastai's lr_find, it is smoothed over steps, and what comes behind four times
// the least does not count.
import Base
import Foundation

package struct RangeTest: Sendable {
  /// A step of the run.
  struct Point {
    let step: Int
    let rate: Double
    let loss: Double
    let smoothed: Double
  }

  private let points: [Point]
  /// Where the smoothed loss is least, and where it falls most steeply by the logarithm of the rate.
  private let least: Point
  private let steepest: Point
  private static let momentum = 0.98

  /// A tenth of the rate at which the loss is least.
  package var suggestion: Double { least.rate / 10 }

  /// - Parameter metrics: the lines of the run's metrics.jsonl.
  /// - Returns: nil where the loss never falls.
  package init?(metrics: String) {
    var points: [Point] = []
    var (average, best) = (0.0, Double.infinity)
    for line in metrics.split(separator: "\n") {
      guard let json = try? JSON.parse(String(line)), let step = json["step"]?.integer,
        let rate = json["learning_rate"]?.double, let loss = json["loss"]?.double, loss.isFinite, rate > 0
      else { continue }
      average = Self.momentum * average + (1 - Self.momentum) * loss
      let smoothed = average / (1 - pow(Self.momentum, Double(points.count + 1)))
      // The first steps are no minimum.
      if smoothed > 4 * best { break }
      best = min(best, smoothed)
      points.append(Point(step: step, rate: rate, loss: loss, smoothed: smoothed))
    }
    let slopes = zip(points, points.dropFirst()).map { before, now in
      (point: now, slope: (now.smoothed - before.smoothed) / log(now.rate / before.rate))
    }
    guard let least = points.min(by: { $0.smoothed < $1.smoothed }),
      let steepest = slopes.filter({ $0.slope.isFinite }).min(by: { $0.slope < $1.slope }), steepest.slope < 0
    else { return nil }
    (self.points, self.least, self.steepest) = (points, least, steepest.point)
  }

  /// What is wrong with a space for it; nil if nothing is.
  package static func mistake(_ space: SearchSpace) -> String? {
    guard space.settings.count == 1, let setting = space.settings.first,
      setting.key == "optimizer.learning_rate", case .log(let range) = setting.range,
      range.lowerBound < range.upperBound
    else { return "names other things than a log range of optimizer.learning_rate, which a range test needs" }
    return nil
  }

  /// The settings of the run: the rate rises from the lower end of the range to the upper one.
  static func settings(_ space: SearchSpace) -> [(key: String, value: JSON)] {
    guard case .log(let range)? = space.settings.first?.range else { return [] }
    return [
      ("optimizer.learning_rate", .number(range.upperBound)),
      (
        "schedule",
        .object([
          "name": .string("constant"), "warmup_steps": .integer(0),
          "rise_from": .number(range.lowerBound / range.upperBound),
        ])
      ),
      ("training.on_spike", .string("continue")),
    ]
  }

  package var csv: String {
    "step,learning_rate,loss,smoothed_loss\n"
      + points.map { point in
        "\(point.step),"
          + [point.rate, point.loss, point.smoothed].map { JSON.number($0).encoded() }
          .joined(separator: ",") + "\n"
      }.joined()
  }

  package var words: String {
    func short(_ rate: Double) -> String { String(format: "%.2e", rate) }
    return
      "the loss is least at a learning rate of \(short(least.rate)) and falls most steeply at "
      + "\(short(steepest.rate)): begin with \(short(suggestion))"
  }
}
