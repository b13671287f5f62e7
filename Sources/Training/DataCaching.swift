// The data of a run out of a cache, which all ranks fill together if it is not there.
import Base
import Collectives
import Datasets
import Foundation
import Kernels
import Synchronization

/// Finds or makes the entries of a cache over all ranks.
package struct DataCaching {
  /// Chat templates may go deep.
  private static let stack = 16 << 20

  private let ranks: Ranks
  private let pool: WorkerPool
  /// Told on the first rank what takes time, and what is wrong, a line each.
  private let tell: (String) -> Void
  private let told = ToldLines()

  /// Collective.
  /// - Parameters:
  ///   - threads: of this rank.
  ///   - tell: called on the first rank only.
  package init(ranks: Ranks, threads: Int, tell: @escaping (String) -> Void) throws {
    self.ranks = ranks
    self.tell = tell
    pool = try ranks.together { try WorkerPool(threads: threads, stack: Self.stack) }
  }

  /// What the files hold; those that nobody has hashed yet are read. Collective.
  /// - Throws: `UserError` if one cannot be read.
  package func identified(_ cache: DataCache, _ files: [String]) throws -> DataCache {
    var cache = cache
    let start = Date()
    let mine = try ranks.together { ranks.isFirst ? try cache.unknown(of: files) : [] }
    let text = ranks.broadcast(JSON.array(mine.map(\.json)).encoded())
    let chunks = try ranks.together { try ContentChunk.list(text) }
    let own = stride(from: ranks.rank, to: chunks.count, by: ranks.count).map { chunks[$0] }
    let hashes = try ranks.together { try run(own) { chunk, _ in try chunk.hash() } }
    let all = ranks.gather(hashes.joined(separator: " ")).map { $0.split(separator: " ").map(String.init) }
    try ranks.together {
      guard ranks.isFirst else { return }
      try cache.remember(
        chunks.indices.map { all[$0 % ranks.count][$0 / ranks.count] }, of: chunks, since: start)
    }
    let known = ranks.broadcast(cache.contentsText)
    try ranks.together { try cache.take(contentsText: known) }
    return cache
  }

  /// The data of a recipe. Collective.
  /// - Parameters:
  ///   - options: with a cache that was `identified`.
  ///   - verifies: whether to look at every byte that is there.
  /// - Throws: as `Dataset`, and `UserError` if the cache cannot be read or has no room.
  package func dataset(
    _ options: DataOptions, encoder: DocumentEncoder, tokenizer: [String], verifies: Bool = false
  ) throws -> Dataset {
    let plan = try ranks.together { try CachePlan(options, encoder: encoder, tokenizer: tokenizer) }
    if !verifies, let data = try stored(plan) { return data }
    let start = Date()
    let circle = try HostCircle(plan.cache.folder, ranks)
    let text = try ranks.together { ranks.isFirst ? try plan.cuts() : "" }
    let cuts = ranks.broadcast(text)
    let pieces = try ranks.together { try plan.pieces(cuts) }
    try prepare(pieces, plan, circle, verifies: verifies)
    let data = try verifies ? stored(plan) ?? arranged(pieces, plan, circle) : arranged(pieces, plan, circle)
    let bytes = try ranks.together { ranks.isFirst ? try plan.bytesStored() : 0 }
    if ranks.isFirst {
      tell(
        "data.cache: \(grouped(data.summary.allTokens)) tokens, \(fileSize(bytes)) in \(plan.cache.folder), "
          + "\(verifies ? "checked" : "prepared") in \(duration(Date().timeIntervalSince(start)))")
    }
    return data
  }

  /// The data of parts that are there. Collective.
  private func arranged(_ pieces: [CachePiece], _ plan: CachePlan, _ circle: HostCircle) throws -> Dataset {
    let isArranged = try ranks.together { circle.isFirst ? try plan.arrange(pieces) : true }
    if ranks.gather(isArranged ? 1 : 0).contains(0) { try tellMistakes(of: plan, nil) }
    guard let data = try stored(plan) else {
      throw UserError(
        .tryAgain, "what was just written there cannot be read", at: plan.cache.folder, hint: "start again")
    }
    return data
  }

  /// What is there already, on all ranks or none.
  private func stored(_ plan: CachePlan) throws -> Dataset? {
    let (data, damage) = try ranks.together { try plan.stored(validates: ranks.localRank == 0) }
    note(damage)
    return ranks.gather(data == nil ? 0 : 1).contains(0) ? nil : data
  }

  /// Tells what ranks have found, each once. Collective.
  private func note(_ words: String?) {
    for line in ranks.gather(words ?? "").flatMap({ $0.split(separator: "\n").map(String.init) })
    where ranks.isFirst && told.isNew(line) { tell(line) }
  }

  /// Runs something for each of some values on all threads; the first of the errors is thrown.
  private func run<Value: Sendable, Result: Sendable>(
    _ values: [Value], _ body: (Value, _ isCaller: Bool) throws -> Result
  ) throws -> [Result] {
    let results = Mutex<[Int: Swift.Result<Result, any Error>]>([:])
    pool.run(values.count) { place, worker in
      let result = Swift.Result { try body(values[place], worker == 0) }
      results.withLock { $0[place] = result }
    }
    let all = results.withLock { $0 }
    return try values.indices.compactMap { try all[$0]?.get() }
  }

  // MARK: preparing

  private func prepare(
    _ pieces: [CachePiece], _ plan: CachePlan, _ circle: HostCircle, verifies: Bool
  ) throws {
    let own = CachePlan.shares(pieces, among: circle.count)[circle.place]
    let stop = StopSign(folder: plan.cache.folder, ranks)
    defer { stop.remove() }
    let state = CachingState(own.reduce(0) { $0 + $1.work })
    let result = Result {
      try run(own) { piece, isCaller in
        if stop.isUp { return }
        do {
          let outcome = try plan.preparation.run(piece, verifies: verifies) { state.note($0) }
          state.end(piece, outcome)
          if case .hasMistakes = outcome { stop.putUp() }
        } catch {
          stop.putUp()
          throw error
        }
        if isCaller, ranks.isFirst, let words = state.progress { tell("data.cache: " + words) }
      }
    }
    note(state.notes)
    try ranks.together { _ = try result.get() }
    let mistakes = state.mistakes
    if ranks.sum(mistakes.count) > 0 { try tellMistakes(of: plan, mistakes.compactMap { $0 }.first) }
  }

  /// Reads all files in order on one rank, as without a cache, so that mistakes are those that it would tell. Collective.
  /// - Parameter other: what this rank has found, if nothing is wrong there.
  /// - Throws: in any case, on all ranks.
  private func tellMistakes(of plan: CachePlan, _ other: UserError?) throws {
    try ranks.together {
      guard ranks.isFirst else { return }
      let mistakes = plan.mistakes()
      if !mistakes.isEmpty { throw UserErrors(mistakes) }
    }
    try ranks.together { if let other { throw other } }
    throw UserError(.tryAgain, "its files were changed while they were read", at: "data", hint: "start again")
  }
}

/// What was told, so that several ranks that find the same say it once.
private final class ToldLines {
  private var lines = Set<String>()
  func isNew(_ line: String) -> Bool { lines.insert(line).inserted }
}

/// What the threads of a rank have done.
private final class CachingState: Sendable {
  /// Seconds between two lines about progress.
  private static let pause = 10.0

  private struct Done {
    var work = 0
    var notes: [String] = []
    var mistakes: [UserError?] = []
    var told = Date()
  }

  private let all: Int
  private let start = Date()
  private let done = Mutex(Done())

  init(_ work: Int) { all = work }

  func note(_ words: String) { done.withLock { $0.notes.append(words) } }

  func end(_ piece: CachePiece, _ outcome: PiecePreparation.Outcome) {
    done.withLock {
      $0.work += piece.work
      if case .hasMistakes(let error) = outcome { $0.mistakes.append(error) }
    }
  }

  var notes: String { done.withLock { $0.notes.joined(separator: "\n") } }
  var mistakes: [UserError?] { done.withLock { $0.mistakes } }

  /// How far this rank is, from time to time. All ranks have about as much to do.
  var progress: String? {
    done.withLock { done in
      let now = Date()
      guard now.timeIntervalSince(done.told) >= Self.pause, done.work > 0 else { return nil }
      done.told = now
      let share = Double(done.work) / Double(max(1, all))
      let left = now.timeIntervalSince(start) / share * (1 - share)
      return "\(Int(share * 100)) % of the data prepared, \(duration(left)) left"
    }
  }
}

/// Tells the ranks that see the folder that there is no point in going on: threads cannot send messages.
private struct StopSign {
  private let path: String

  /// Collective.
  init(folder: String, _ ranks: Ranks) {
    let number = ranks.broadcast(Int(UInt32.random(in: 0...UInt32.max)))
    path = "\(folder)/stop-\(String(number, radix: 36))\(".tmp")"
  }

  var isUp: Bool { access(path, F_OK) == 0 }
  func putUp() { close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)) }
  func remove() { unlink(path) }
}

/// The ranks whose hosts see the same files in a folder.
private struct HostCircle {
  /// How many there are, and which of them this one is.
  let count: Int
  let place: Int
  var isFirst: Bool { place == 0 }

  /// Collective.
  /// - Throws: `UserError` where the folder cannot be made.
  init(_ folder: String, _ ranks: Ranks) throws {
    guard ranks.hosts > 1 else {
      (count, place) = (ranks.count, ranks.rank)
      return
    }
    let number = ranks.broadcast(Int(UInt32.random(in: 0...UInt32.max)))
    func path(_ host: Int) -> String { "\(folder)/host-\(String(number, radix: 36))-\(host).tmp" }
    let isSpeaker = ranks.localRank == 0
    try ranks.together {
      guard isSpeaker else { return }
      try makeFolders(folder)
      let file = open(path(ranks.rank), O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
      guard file >= 0 else {
        var error = UserError.disk("no file can be made there", folder)
        error.hint = "set data.cache to a folder that you may write to"
        throw error
      }
      close(file)
    }
    // The first host whose file is seen here stands for all that see it.
    let speakers = Set(ranks.hostOf).sorted()
    let seen = isSpeaker ? speakers.first { SharedPath(path($0)).isThere } ?? ranks.rank : -1
    let circles = ranks.gather(seen)
    if isSpeaker { unlink(path(ranks.rank)) }
    let members = ranks.hostOf.indices.filter {
      circles[ranks.hostOf[$0]] == circles[ranks.hostOf[ranks.rank]]
    }
    count = members.count
    place = members.firstIndex(of: ranks.rank) ?? 0
  }
}

extension ContentChunk {
  fileprivate var json: JSON {
    .array([.string(path), .integer(range.lowerBound), .integer(range.upperBound)])
  }

  fileprivate static func list(_ text: String) throws -> [ContentChunk] {
    try JSON.parse(text).elements?.compactMap { chunk in
      guard let parts = chunk.elements, parts.count == 3, let path = parts[0].text,
        let start = parts[1].integer, let end = parts[2].integer
      else { return nil }
      return ContentChunk(path: path, range: start..<end)
    } ?? []
  }
}
