// Which kernels the ranks of a run take where nobody names any. The first rank times the candidates, each in a process
// of its own, or remembers what it found before; all ranks take its choice before any of them loads a matrix library.
import Base
import Collectives
import Foundation
import Kernels
import Recipes
import Schedulers

struct MeasuredKernels: Codable {
  let choice: KernelChoice
  /// How long it took to find, or to read.
  let seconds: Double
  let isRemembered: Bool
  /// What the user should know, a line each.
  let notes: [String]

  var words: String {
    choice.words
      + (isRemembered
        ? ", remembered, in \(decimals(seconds * 1e3, 1)) ms" : ", measured in \(decimals(seconds, 1)) s")
  }

  /// All measurements together.
  private static let budget = 1.8
  /// One candidate, with the start of its process.
  private static let longest = 0.6
  /// A candidate has so many times as long as the usual one took, and at least so many seconds.
  private static let patience = (factor: 3.0, least: 0.25)
  /// Each candidate is timed so often, in turn with the others: what disturbs a moment disturbs no candidate alone.
  private static let rounds = 3
  /// What takes so many times as long as the fastest is timed once.
  private static let hopeless = 1.15
  /// So near must the two fastest times of a candidate be to each other: what a busy machine says is not relied on.
  private static let agreement = 1.05

  /// What a rank brings to the choice.
  private struct Offer: Codable {
    let families: [String]
    let others: [String]
    let processor: String
  }

  /// The choice of all ranks; nil if there is nothing to choose from. Collective.
  static func agree(_ shapes: [ProductShape], _ ranks: Ranks) throws -> MeasuredKernels? {
    let libraries = OtherProducts.all.filter { ranks.hosts == 1 || $0.isInstalled }
    let own = Offer(
      families: KernelCandidates.families(), others: libraries.map(\.name),
      processor: ProcessorType.current.words)
    let offers = ranks.gatherOnFirst(Array(try JSONEncoder().encode(own)))
    let text = try ranks.together { () -> String in
      guard ranks.isFirst else { return "" }
      let all = try offers.map { try JSONDecoder().decode(Offer.self, from: Data($0)) }
      let candidates = KernelCandidates.common(
        families: all.map(\.families), others: all.map(\.others), processors: all.map(\.processor))
      guard candidates.count > 1 else { return "" }
      let found = find(shapes, candidates, processor: own.processor)
      return String(decoding: try JSONEncoder().encode(found), as: UTF8.self)
    }
    let shared = ranks.broadcast(text)
    return shared.isEmpty ? nil : try JSONDecoder().decode(Self.self, from: Data(shared.utf8))
  }

  /// - Parameter candidates: the usual one first.
  private static func find(
    _ shapes: [ProductShape], _ candidates: [String], processor: String
  ) -> MeasuredKernels {
    let start = monotonicNanoseconds()
    func passed() -> Double { Double(monotonicNanoseconds() - start) / 1e9 }
    let memory = KernelMemory(folder: Launch.cacheFolder)
    let key = [
      processor, "swiftdp \(Command.configuration.version) \(HostProbe.build)",
      shapes.map(\.words).joined(separator: " "), candidates.joined(separator: " "), Launch.libraryState,
    ].joined(separator: "; ")
    func remembered() -> MeasuredKernels? {
      memory.choice(key, among: candidates).map {
        MeasuredKernels(choice: $0, seconds: passed(), isRemembered: true, notes: [])
      }
    }
    if let found = remembered() { return found }
    return memory.alone(within: 2 * budget) {
      if let found = remembered() { return found }
      let flaw = memory.flaw
      let (choice, isSure) = measure(shapes, candidates)
      let unkept = isSure ? memory.keep(choice, for: key) : nil
      let trouble = unkept.map { "\($0): kernels are measured at each start" } ?? (isSure ? flaw : nil)
      return MeasuredKernels(
        choice: choice, seconds: passed(), isRemembered: false,
        notes: ["matrix kernels, measured in \(decimals(passed(), 1)) s: \(choice.words)"]
          + [trouble].compactMap { $0 })
    }
  }

  /// - Returns: also whether every candidate had its turn and times agree, so that the choice is worth remembering. If
  ///   not, it is the usual one.
  private static func measure(
    _ shapes: [ProductShape], _ candidates: [String]
  ) -> (choice: KernelChoice, isSure: Bool) {
    let end = monotonicNanoseconds() + UInt64(budget * 1e9)
    var times: [String: [Double]] = [:]
    func best(_ name: String) -> Double? { times[name]?.min() }
    var leftOut: [String] = []
    var refused: Set<String> = []
    var files: Set<FileStamp> = []
    var isWhole = true
    var longest = Self.longest
    // Without a time of the usual one, there is nothing to compare with.
    for _ in 0..<rounds where !refused.contains(candidates[0]) {
      let limit = (times.values.compactMap { $0.min() }.min() ?? .infinity) * hopeless
      for name in candidates where !refused.contains(name) && (best(name) ?? 0) <= limit {
        if refused.contains(candidates[0]) { break }
        let rest = Double(end) / 1e9 - Double(monotonicNanoseconds()) / 1e9
        guard rest > 0.1 else {
          if best(name) == nil {
            isWhole = false
            refused.insert(name)
            leftOut.append("\(name) (no time was left)")
          }
          continue
        }
        let start = monotonicNanoseconds()
        switch ask(KernelTiming(name, shapes), within: min(longest, rest)) {
        case .success(let answer):
          if name == candidates[0] {
            let took = Double(monotonicNanoseconds() - start) / 1e9
            longest = min(Self.longest, max(Self.patience.least, Self.patience.factor * took))
          }
          guard let seconds = answer.seconds else {
            refused.insert(name)
            continue
          }
          times[name, default: []].append(seconds)
          files.formUnion(answer.files)
        case .failure(let reason):
          // What fails once is not to be relied on; what the end of all measurements cut off may have its first time.
          if rest < longest {
            if best(name) != nil { continue }
            isWhole = false
          }
          refused.insert(name)
          leftOut.append("\(name) (\(reason.words))")
        }
      }
    }
    let measured = candidates.compactMap { name in
      refused.contains(name) ? nil : best(name).map { KernelChoice.Time(name, $0) }
    }
    func choice(isSure: Bool) -> KernelChoice {
      KernelChoice(
        usual: candidates[0], times: measured, leftOut: leftOut, files: files.sorted { $0.path < $1.path },
        isSure: isSure)
    }
    let found = choice(isSure: true)
    let isSure =
      isWhole
      && [found.usual, found.name].allSatisfy { name in
        let sorted = (times[name] ?? []).sorted()
        return sorted.count > 1 && sorted[1] <= sorted[0] * agreement
      }
    return (choice(isSure: isSure), isSure)
  }

  /// Whether this machine runs these kernels, by a small product in a process of its own, which may crash.
  static func runs(_ name: String) -> Bool {
    let product = ProductShape.layer(width: 32, inner: 32, rows: 32).prefix(1)
    return (try? ask(KernelTiming(name, Array(product)), within: 5).get().seconds) ?? nil != nil
  }

  /// Times one candidate in a process that knows nothing of MPI and runs on the cores of this rank.
  private static func ask(
    _ timing: KernelTiming, within seconds: Double
  ) -> Result<KernelTiming.Answer, Tool.NoAnswer> {
    guard let request = try? JSONEncoder().encode(timing) else {
      return .failure(Tool.NoAnswer("no request"))
    }
    // A crash is no news here, and telling where it was takes seconds.
    let words =
      ["env", "-i", "SWIFT_BACKTRACE=enable=no"] + Launch.loaderVariables
      + [Shipped.binary.path, "doctor", "--kernel-times", String(decoding: request, as: UTF8.self)]
    switch Tool.ask(words, within: seconds) {
    case .success(let text):
      guard let answer = try? JSONDecoder().decode(KernelTiming.Answer.self, from: Data(text.utf8)) else {
        return .failure(Tool.NoAnswer("no times"))
      }
      return .success(answer)
    case .failure(let reason):
      if reason.words.contains("no answer within") {
        return .failure(Tool.NoAnswer("no answer within \(decimals(seconds, 1)) s"))
      }
      var said = reason.words
      for start in ["env: ", "swiftdp: "] where said.hasPrefix(start) { said.removeFirst(start.count) }
      return .failure(Tool.NoAnswer(said == "failed" ? "it crashed" : said))
    }
  }
}
