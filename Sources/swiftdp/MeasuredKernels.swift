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
  /// Each candidate is timed so often, in turn with the others: what disturbs a moment disturbs no candidate alone.
  private static let rounds = 2

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
      families: KernelCandidates.families(), others: libraries.map(\.name), processor: HostFacts.processorKind
    )
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
      let choice = measure(shapes, candidates)
      let unkept = choice.isMeasured ? memory.keep(choice, for: key) : nil
      let words =
        choice.isMeasured
        ? "of \(choice.words)" : "as no time could be taken; \(choice.leftOut.joined(separator: ", "))"
      return MeasuredKernels(
        choice: choice, seconds: passed(), isRemembered: false,
        notes: ["matrix kernels: \(choice.name), \(words), in \(decimals(passed(), 1)) s"]
          + [flaw, unkept].compactMap { $0 }.prefix(1).map { "\($0): kernels are measured again each time" })
    }
  }

  private static func measure(_ shapes: [ProductShape], _ candidates: [String]) -> KernelChoice {
    let end = monotonicNanoseconds() + UInt64(budget * 1e9)
    var best: [String: Double] = [:]
    var leftOut: [String] = []
    var refused: Set<String> = []
    var files: Set<FileStamp> = []
    for _ in 0..<rounds {
      for name in candidates where !refused.contains(name) {
        let rest = Double(end) / 1e9 - Double(monotonicNanoseconds()) / 1e9
        guard rest > 0.1 else {
          if best[name] == nil {
            refused.insert(name)
            leftOut.append("\(name) (no time was left)")
          }
          continue
        }
        switch ask(KernelTiming(name, shapes), within: min(longest, rest)) {
        case .success(let answer):
          best[name] = min(best[name] ?? .infinity, answer.seconds)
          files.formUnion(answer.files)
        case .failure(let reason):
          // What fails once is not to be relied on; what the end of all measurements cut off has its first time.
          if best[name] != nil, rest < longest { continue }
          refused.insert(name)
          leftOut.append("\(name) (\(reason.words))")
        }
      }
    }
    return KernelChoice(
      usual: candidates[0],
      times: candidates.compactMap { name in
        refused.contains(name) ? nil : best[name].map { KernelChoice.Time(name, $0) }
      }, leftOut: leftOut, files: files.sorted { $0.path < $1.path })
  }

  /// Times one candidate in a process that knows nothing of MPI and runs on the cores of this rank.
  private static func ask(
    _ timing: KernelTiming, within seconds: Double
  ) -> Result<KernelTiming.Answer, Tool.NoAnswer> {
    guard let request = try? JSONEncoder().encode(timing) else {
      return .failure(Tool.NoAnswer("no request"))
    }
    let words =
      ["env", "-i"] + Launch.loaderVariables
      + [Shipped.binary.path, "doctor", "--kernel-times", String(decoding: request, as: UTF8.self)]
    switch Tool.ask(words, within: seconds) {
    case .success(let text):
      guard let answer = try? JSONDecoder().decode(KernelTiming.Answer.self, from: Data(text.utf8)) else {
        return .failure(Tool.NoAnswer("no times"))
      }
      return .success(answer)
    case .failure(let reason):
      let isLate = reason.words.contains("no answer within")
      let said = reason.words.hasPrefix("env: ") ? String(reason.words.dropFirst(5)) : reason.words
      return .failure(
        Tool.NoAnswer(isLate ? "no answer within \(decimals(seconds, 1)) s" : said))
    }
  }
}

extension Recipe {
  /// A model whose largest matrices have fewer numbers is trained before its kernels would be measured.
  private static let fewestWeights = 1 << 18

  /// The recipe with the kernels that its ranks take, if it names none; the same recipe otherwise. Collective.
  /// - Parameter note: told on the first rank what was measured.
  func withMeasuredKernels(_ ranks: Ranks, note: (String) -> Void) throws -> Recipe {
    guard parallel.blasKernel == BLAS.measuredName else { return self }
    var recipe = self
    recipe.parallel.blasKernel = nil
    let rows = training.microBatchSize * data.sequenceLength
    // The first rank's view of the model counts for all.
    let own = ranks.isFirst ? layer(rows: rows) : nil
    let text = ranks.broadcast(own.map { "\($0.width) \($0.inner)" } ?? "")
    let sizes = text.split(separator: " ").compactMap { Int($0) }
    guard sizes.count == 2,
      sizes[0].multipliedReportingOverflow(by: sizes[1]).partialValue >= Self.fewestWeights
    else { return recipe }
    let shapes = ProductShape.layer(width: sizes[0], inner: sizes[1], rows: rows)
    guard let found = try MeasuredKernels.agree(shapes, ranks) else { return recipe }
    if ranks.isFirst { for line in found.notes { note(line) } }
    recipe.parallel.blasKernel = found.choice.name == KernelCandidates.automatic ? nil : found.choice.name
    return recipe
  }

  /// The sizes of a layer of the model; those of GPT-2 where its configuration names them otherwise, nil without one.
  private func layer(rows: Int) -> (width: Int, inner: Int)? {
    guard let config = try? OpenFile.json(model + "/config.json") else { return nil }
    func size(_ names: [String]) -> Int? {
      names.compactMap { config[$0]?.integer }.first { (1...1 << 20).contains($0) }
    }
    guard let width = size(["hidden_size", "n_embd", "d_model", "dim"]) else { return (768, 3072) }
    return (
      width, size(["intermediate_size", "n_inner", "d_ff", "ffn_dim", "hidden_dim"]) ?? 4 * width
    )
  }
}
