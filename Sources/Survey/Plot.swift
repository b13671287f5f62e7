// A scatter plot as SVG that stands in a page by itself.
import Base
import Foundation

struct Plot {
  struct Point {
    /// Its number in the table beside the plot.
    let number: Int
    let name: String
    let x: Double
    let y: Double
  }

  let xName: String
  let yName: String
  let points: [Point]

  private static let size = (width: 560.0, height: 340.0)
  private static let area = (left: 58.0, right: 545.0, top: 14.0, bottom: 292.0)

  var svg: String {
    let (xs, ys) = (Axis(points.map(\.x)), Axis(points.map(\.y)))
    func x(_ value: Double) -> Double {
      Self.area.left + xs.share(value) * (Self.area.right - Self.area.left)
    }
    func y(_ value: Double) -> Double {
      Self.area.bottom - ys.share(value) * (Self.area.bottom - Self.area.top)
    }
    func at(_ value: Double) -> String { String(format: "%.1f", value) }
    var parts: [String] = []
    for tick in ys.ticks {
      parts.append(
        "<line class=\"grid\" x1=\"\(Self.area.left)\" x2=\"\(Self.area.right)\" y1=\"\(at(y(tick)))\" y2=\"\(at(y(tick)))\"/>"
          + "<text x=\"\(Self.area.left - 8)\" y=\"\(at(y(tick) + 4))\" text-anchor=\"end\">\(ys.words(tick))</text>"
      )
    }
    for tick in xs.ticks {
      parts.append(
        "<line class=\"grid\" x1=\"\(at(x(tick)))\" x2=\"\(at(x(tick)))\" y1=\"\(Self.area.top)\" y2=\"\(Self.area.bottom)\"/>"
          + "<text x=\"\(at(x(tick)))\" y=\"\(Self.area.bottom + 18)\" text-anchor=\"middle\">\(xs.words(tick))</text>"
      )
    }
    // A number that would lie on another one moves up.
    var taken: [(x: Double, y: Double)] = []
    for point in points.sorted(by: { $0.y < $1.y }) {
      let (px, py) = (x(point.x), y(point.y))
      var label = (x: px + 11, y: py + 4)
      while taken.contains(where: { abs($0.x - label.x) < 17 && abs($0.y - label.y) < 12 }) { label.y -= 12 }
      taken.append(label)
      parts.append(
        "<g class=\"point\"><title>\(HTMLPage.escaped(point.name)): \(xs.words(point.x)), \(ys.words(point.y))</title>"
          + "<circle cx=\"\(at(px))\" cy=\"\(at(py))\" r=\"5\"/>"
          + "<text x=\"\(at(label.x))\" y=\"\(at(label.y))\">\(point.number)</text></g>")
    }
    let middle = (Self.area.left + Self.area.right) / 2
    parts.append(
      "<text class=\"axis\" x=\"\(at(middle))\" y=\"\(Self.size.height - 8)\" text-anchor=\"middle\">\(HTMLPage.escaped(xName))</text>"
        + "<text class=\"axis\" transform=\"translate(14 \(at((Self.area.top + Self.area.bottom) / 2))) rotate(-90)\" text-anchor=\"middle\">\(HTMLPage.escaped(yName))</text>"
    )
    return
      "<svg viewBox=\"0 0 \(Int(Self.size.width)) \(Int(Self.size.height))\" role=\"img\" aria-label=\"\(HTMLPage.escaped(yName)) against \(HTMLPage.escaped(xName))\">\n"
      + parts.joined(separator: "\n") + "\n</svg>"
  }
}

/// The range of some numbers, with round ticks.
private struct Axis {
  let low: Double
  let high: Double
  let step: Double

  init(_ values: [Double]) {
    let (least, most) = (values.min() ?? 0, values.max() ?? 1)
    let width = max(most - least, max(abs(most), 1) * 0.01)
    let rough = width / 5
    let power = pow(10, floor(log10(rough)))
    step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? 10 * power
    low = floor((least - width * 0.03) / step) * step
    high = ceil((most + width * 0.03) / step) * step
  }

  var ticks: [Double] { Array(stride(from: low, through: high + step / 2, by: step)) }
  func share(_ value: Double) -> Double { (value - low) / (high - low) }

  func words(_ value: Double) -> String {
    String(format: "%.\(max(0, Int(-floor(log10(step)))))f", value)
  }
}
