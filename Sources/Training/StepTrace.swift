// OUTPUT/trace: what each rank did in some steps, in Chrome's trace format, which Perfetto and chrome://tracing show.
import Base
import Collectives
import Foundation
import Kernels
import Recipes

/// Records the parts of steps on one rank, and writes them when the last of the steps is done. All ranks make the same
/// calls. The clocks of all ranks begin at the end of one barrier, so that hosts agree to the time that it takes.
struct StepTrace {
  private let steps: ClosedRange<Int>
  private let profile: Profile
  private let ranks: Ranks
  private let folder: String
  /// The monotonic clock at the barrier; nil before it.
  private var zero: UInt64?
  private var starts: [(step: Int, time: UInt64)] = []

  /// Nil where the recipe asks for no trace.
  init?(_ recipe: Recipe, _ engine: Engine, _ ranks: Ranks) {
    guard let traced = recipe.training.trace, let profile = engine.profile else { return nil }
    (steps, self.profile, self.ranks) = (traced.steps, profile, ranks)
    folder = recipe.output + "/trace"
  }

  /// Before a step. Collective.
  mutating func begin(_ step: Int) {
    guard steps.contains(step) else { return }
    if zero == nil {
      ranks.barrier()
      zero = monotonicNanoseconds()
      profile.record()
    }
    starts.append((step, monotonicNanoseconds()))
  }

  /// Behind a step, its validation and its checkpoint.
  /// - Parameter isLast: whether no other step follows.
  /// - Returns: what the user should know once the files are written, or could not be; a run goes on in any case.
  mutating func end(_ step: Int, isLast: Bool) -> String? {
    guard let zero, step == steps.upperBound || isLast, !starts.isEmpty else { return nil }
    let now = monotonicNanoseconds()
    var spans = profile.takeSpans()
    for (place, start) in starts.enumerated() {
      let end = place + 1 < starts.count ? starts[place + 1].time : now
      spans.append(Profile.Span(name: "step \(start.step)", layer: nil, start: start.time, end: end))
    }
    starts = []
    do {
      try makeFolders(folder)
      let name = "rank-" + zeroPadded(String(ranks.rank), to: 4) + ".json"
      try Data(text(spans, since: zero).utf8).write(
        to: URL(fileURLWithPath: folder + "/" + name), options: .atomic)
      return "\(folder): has the parts of step \(steps.lowerBound) to \(step) of each rank"
    } catch let error as UserError {
      return "\(error); the run goes on"
    } catch {
      return "\(folder): cannot be written: \(systemReason(error)); the run goes on"
    }
  }

  /// Complete events (`"ph": "X"`) in microseconds; a rank is a process.
  private func text(_ spans: [Profile.Span], since zero: UInt64) -> String {
    let names = [
      "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": \(ranks.rank), \"args\": {\"name\": \"rank \(ranks.rank)\"}}"
    ]
    let events = spans.filter { $0.start >= zero }.map { span in
      let (start, length) = (Double(span.start - zero) / 1000, Double(span.end - span.start) / 1000)
      let layer = span.layer.map { ", \"args\": {\"layer\": \($0)}" } ?? ""
      return
        "{\"name\": \(JSON.string(span.name).encoded()), \"ph\": \"X\", \"ts\": \(start), \"dur\": \(length), "
        + "\"pid\": \(ranks.rank), \"tid\": 0\(layer)}"
    }
    return "{\"traceEvents\": [\n" + (names + events).joined(separator: ",\n") + "\n]}\n"
  }
}
