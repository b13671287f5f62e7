// A chart as SVG that is whole without a script. Its lines are in steps and values, so that the page's script reads
// numbers from them and zooms by another transformation.
import Base
import Foundation

struct Chart {
  private static let width = 440.0
  private static let height = 180.0
  private static let (left, right, top, bottom) = (58.0, 18.0, 8.0, 24.0)

  let title: String
  let unit: String
  let curves: [Curve]

  /// Nil without a single number.
  init?(_ title: String, unit: String = "", _ curves: [Curve]) {
    self.curves = curves.filter { !$0.finite.isEmpty }
    guard !self.curves.isEmpty else { return nil }
    (self.title, self.unit) = (title, unit)
  }

  var html: String {
    let finite = curves.flatMap(\.finite)
    let x = Self.range(finite.map { Double($0.step) }, padded: false)
    let y = Self.range(finite.map(\.value), padded: true)
    let (inner, tall) = (Self.width - Self.left - Self.right, Self.height - Self.top - Self.bottom)
    let scale = (inner / (x.1 - x.0), tall / (y.1 - y.0))
    let places = [scale.0, 0, 0, -scale.1, -x.0 * scale.0, tall + y.0 * scale.1]
    let lines = curves.map { curve in
      "<path class=\"c\(curve.style)\" data-name=\"\(HTMLPage.escaped(curve.name))\"\(curve.isNoisy ? " data-noisy" : "") "
        + "vector-effect=\"non-scaling-stroke\" d=\"\(curve.path)\"/>"
    }
    return """
      <figure>
      <figcaption>\(HTMLPage.escaped(title))\(unit.isEmpty ? "" : " <small>\(HTMLPage.escaped(unit))</small>")\(legend)</figcaption>
      <svg class="plot" viewBox="0 0 \(Int(Self.width)) \(Int(Self.height))" role="img" aria-label="\(label)" tabindex="0" \
      data-view="\([x.0, x.1, y.0, y.1].map { "\($0)" }.joined(separator: " "))">
      <g class="ticks">\(ticks(x: x, y: y, inner, tall))</g>
      <svg class="area" x="\(Int(Self.left))" y="\(Int(Self.top))" width="\(Int(inner))" height="\(Int(tall))">\
      <g transform="matrix(\(places.map { "\($0)" }.joined(separator: " ")))">\(lines.joined())</g></svg>
      </svg>
      <output></output>
      </figure>

      """
  }

  /// What a screen reader says.
  private var label: String {
    let parts = curves.prefix(8).map { curve in
      let (first, last) = (curve.finite.first!, curve.finite.last!)
      return "\(curve.name) from \(Curve.short(first.value)) at step \(first.step) to "
        + "\(Curve.short(last.value)) at step \(last.step)"
    }
    return HTMLPage.escaped("\(title): \(parts.joined(separator: "; "))")
  }

  private var legend: String {
    curves.count == 1
      ? ""
      : curves.map {
        " <span class=\"key\"><svg viewBox=\"0 0 22 8\" aria-hidden=\"true\"><path class=\"c\($0.style)\" d=\"M1 4H21\"/></svg>"
          + "\(HTMLPage.escaped($0.name))</span>"
      }.joined()
  }

  private func ticks(x: (Double, Double), y: (Double, Double), _ inner: Double, _ tall: Double) -> String {
    let rows = Self.ticks(y, about: 4).map { value in
      let place = Self.top + tall * (1 - (value - y.0) / (y.1 - y.0))
      return String(
        format: "<path d=\"M%.1f %.1fh%.1f\"/><text x=\"%.1f\" y=\"%.1f\" class=\"y\">", Self.left, place,
        inner,
        Self.left - 6, place + 4) + "\(Curve.short(value))</text>"
    }
    let columns = Self.ticks(x, about: 6).filter { $0 == $0.rounded() }.map { value in
      let place = Self.left + inner * (value - x.0) / (x.1 - x.0)
      return String(format: "<text x=\"%.1f\" y=\"%.1f\" class=\"x\">", place, Self.height - 7)
        + "\(grouped(Int(value)))</text>"
    }
    return rows.joined() + columns.joined()
  }

  private static func range(_ values: [Double], padded: Bool) -> (Double, Double) {
    let (low, high) = (values.min()!, values.max()!)
    guard low < high else {
      let margin = low == 0 || !padded ? 1 : abs(low) / 10
      return (low - margin, high + margin)
    }
    let margin = padded ? (high - low) / 20 : 0
    return (low - margin, high + margin)
  }

  /// Round numbers inside a range: 1, 2 or 5 times a power of ten apart.
  private static func ticks(_ range: (Double, Double), about count: Int) -> [Double] {
    let rough = (range.1 - range.0) / Double(count)
    let power = pow(10, floor(log10(rough)))
    let step = [1, 2, 5, 10].map { $0 * power }.first { $0 >= rough } ?? rough
    guard step > 0, step.isFinite else { return [] }
    // Adding 0 makes a zero of a negative one.
    return stride(from: ceil(range.0 / step), through: floor(range.1 / step), by: 1).map { $0 * step + 0 }
  }
}
