// How much each layer changes what it reads: 1 − the mean cosine of a token's hidden state before the layer and behind it
// (block influence, Men et al. 2024).
import Foundation
import Kernels

package final class LayerTap: @unchecked Sendable {
  /// By layer and part of the layer: the sum of cosines, and how many.
  private var sums: [Int: [Int: (cosines: Double, tokens: Int)]] = [:]

  package init() {}

  fileprivate func take(_ cosines: Double, tokens: Int, layer: Int, part: Int) {
    let before = sums[layer]?[part] ?? (0, 0)
    sums[layer, default: [:]][part] = (before.cosines + cosines, before.tokens + tokens)
  }

  /// Of the layers in their order: behind the last part of each.
  package var influences: [Double] {
    sums.keys.sorted().map { layer in
      guard let last = sums[layer]?.max(by: { $0.key < $1.key })?.value, last.tokens > 0 else { return .nan }
      return 1 - last.cosines / Double(last.tokens)
    }
  }
}

/// What a graph with a `LayerTap` knows of the layer that is being recorded.
struct LayerWatch {
  let tap: LayerTap
  var layer = -1
  var start: Value?
  var part = 0
}

extension Graph {
  /// Compares what a layer had before its first part with what it has behind this one.
  func watch(_ r: Value, _ y: Value, layer: Int) {
    guard var now = watch else { return }
    if now.layer != layer { (now.layer, now.start, now.part) = (layer, r, 0) } else { now.part += 1 }
    watch = now
    guard let start = now.start, start.columns == y.columns, start.rows == y.rows else { return }
    _ = append(
      LayerProbe(rows: y.rows, columns: y.columns, layer: layer, part: now.part, tap: now.tap),
      inputs: [start, y], columns: 1, rows: 1)
  }
}

struct LayerProbe: Operation {
  let rows: Int
  let columns: Int
  let layer: Int
  let part: Int
  let tap: LayerTap
  var keeps: Keeps { Keeps() }

  func forward(_ frame: Frame) {
    let (x, y) = (frame.input(0), frame.input(1))
    var cosines = 0.0
    for row in 0..<rows {
      var (xy, xx, yy) = (0.0, 0.0, 0.0)
      for column in row * columns..<(row + 1) * columns {
        let (a, b) = (Double(x[column]), Double(y[column]))
        xy += a * b
        xx += a * a
        yy += b * b
      }
      cosines += xx > 0 && yy > 0 ? xy / (xx * yy).squareRoot() : 0
    }
    frame.output(0)[0] = Float(cosines)
    tap.take(cosines, tokens: rows, layer: layer, part: part)
  }

  func backward(_ frame: Frame) { preconditionFailure("a measurement has no gradient") }
}
