// How likely texts are. What several of them begin with is computed once; the score of a text is the same bits whichever
// texts are scored with it, in whatever batches, on whatever rank.
import Base
import Collectives
import Generation
import Models

struct LikelihoodScorer {
  let model: TaskModel
  let ranks: Ranks
  /// Texts that are scored at once, at most.
  let batchSize: Int
  /// Called with the share of this rank's texts that are scored, many times.
  var progress: (Double) -> Void = { _ in }

  /// The score of a text: the log-likelihood of its targets, and whether each of them is the likeliest token.
  struct Score: Sendable, Equatable {
    var sum: Double
    var isLikeliest: Bool
  }

  /// Texts of one row: they mostly begin alike.
  private struct Group {
    /// Its number among all.
    var number: Int
    var texts: [ScoredText]
    /// How many tokens they have in common, of those before any target.
    var shared: Int
    /// How many tokens the longest reads.
    var length: Int

    init(_ number: Int, _ texts: [ScoredText]) {
      self.number = number
      self.texts = texts
      var shared = texts.map { $0.tokens.count - 1 - $0.targets }.min() ?? 0
      for text in texts.dropFirst() {
        shared = zip(texts[0].tokens, text.tokens).prefix(shared).prefix { $0.0 == $0.1 }.count
      }
      self.shared = shared
      length = texts.map { $0.tokens.count - 1 }.max() ?? 0
    }

    var context: ArraySlice<Int32> { texts[0].tokens[..<shared] }
  }

  /// Groups that begin alike: with the same examples, mostly.
  private struct Family {
    var groups: [Group]
    var prefix: Int
  }

  /// Tokens that are read at once, at most.
  private static let mostRead = 4096
  /// Tokens of one text that are read at once, at most, where nothing of them is scored.
  private static let longestPart = 1024
  /// The fewest tokens that are worth keeping for groups that begin alike.
  private static let leastShared = 32
  /// Bytes of keys and values that are kept at once, about.
  private static let cacheBytes = 512 << 20

  /// The scores of all texts, known to all ranks. Collective.
  /// - Parameter rows: the texts of each row, each with at least one target and one token before it.
  /// - Throws: if the model gives numbers that are not finite.
  func callAsFunction(_ rows: [[ScoredText]]) throws -> [[Score]] {
    let groups = rows.enumerated().filter { !$1.isEmpty }.map { number, texts in
      Group(number, texts.map { $0.cut(to: model.longest) })
    }
    let families = Self.families(groups)
    // Groups of about one length go to all ranks in turn, so that all have about as much to do.
    var turn = 0
    var owners: [(group: Group, rank: Int)] = []
    var own: [Family] = []
    for family in families {
      var mine = Family(groups: [], prefix: family.prefix)
      for group in family.groups.sorted(by: { ($0.length, $1.number) > ($1.length, $0.number) }) {
        owners.append((group, turn % ranks.count))
        if turn % ranks.count == ranks.rank { mine.groups.append(group) }
        turn += 1
      }
      if !mine.groups.isEmpty { own.append(mine) }
    }
    let scores = try ranks.together {
      let count = own.reduce(0) { $0 + $1.groups.count }
      var done = 0
      return try own.map { family in
        try score(family) {
          done += $0
          progress(Double(done) / Double(max(count, 1)))
        }
      }
    }
    let all = ranks.gather(scores.joined().joined().flatMap { [$0.sum, $0.isLikeliest ? 1 : 0] })
    var next = [Int](repeating: 0, count: ranks.count)
    var result = rows.map { _ in [Score]() }
    for (group, rank) in owners {
      result[group.number] = group.texts.indices.map { _ in
        defer { next[rank] += 2 }
        return Score(sum: all[rank][next[rank]], isLikeliest: all[rank][next[rank] + 1] == 1)
      }
    }
    return result
  }

  /// How many tokens of a row are read, where what its texts begin with is read once.
  static func tokens(of row: [ScoredText]) -> Int {
    let group = Group(0, row)
    return row.reduce(group.shared) { $0 + $1.tokens.count - 1 - group.shared }
  }

  /// Puts groups together that begin alike; the others are one family without a beginning.
  private static func families(_ groups: [Group]) -> [Family] {
    let sorted = groups.sorted { a, b in
      let order = a.context.lexicographicallyPrecedes(b.context)
      return order || !b.context.lexicographicallyPrecedes(a.context) && a.number < b.number
    }
    var families: [Family] = []
    var rest = Family(groups: [], prefix: 0)
    var current = Family(groups: [], prefix: 0)
    func close() {
      if current.groups.count > 1, current.prefix >= leastShared {
        families.append(current)
      } else {
        rest.groups += current.groups
      }
    }
    for group in sorted {
      if let first = current.groups.first {
        let common = zip(first.context.prefix(current.prefix), group.context).prefix { $0.0 == $0.1 }.count
        if common >= leastShared, 2 * common >= current.prefix {
          current.groups.append(group)
          current.prefix = common
          continue
        }
      }
      close()
      current = Family(groups: [group], prefix: group.shared)
    }
    close()
    return families + (rest.groups.isEmpty ? [] : [rest])
  }

  /// The scores of the texts of each group, in their order.
  /// - Parameter scored: called with how many groups more are done.
  private func score(_ family: Family, _ scored: (Int) -> Void) throws -> [[Score]] {
    var scores: [[Score]] = []
    var start = 0
    while start < family.groups.count {
      // Room for texts of about one length.
      let longest = family.groups[start].length
      let end =
        family.groups[start...].firstIndex { $0.length * 4 < longest * 3 } ?? family.groups.count
      scores += try score(family.groups[start..<end], prefix: family.prefix, longest: longest, scored)
      start = end
    }
    return scores
  }

  private func score(
    _ groups: ArraySlice<Group>, prefix: Int, longest: Int, _ scored: (Int) -> Void
  ) throws -> [[Score]] {
    let bytes = Generator.cacheBytes(model.description, texts: 1, capacity: longest)
    let room = max(Self.cacheBytes / max(bytes, 1), 1)
    let most = groups.reduce(0) { max($0, $1.texts.count + 1) }
    let places = max(min(batchSize + groups.count, 2 * batchSize, room), most) + 1
    let texts = Continuations(
      model.description, weights: model.weights, engine: model.engine, texts: places, capacity: longest)
    let beginning = places - 1
    if prefix > 0 { read([groups[groups.startIndex].context[..<prefix]], texts, first: beginning) }
    var scores: [[Score]] = []
    var rest = groups[...]
    while !rest.isEmpty {
      var (count, used) = (0, 0)
      for group in rest {
        let needed = group.texts.count + 1
        guard count == 0 || used + needed <= places - 1 && used + needed <= batchSize + count + 1 else {
          break
        }
        count += 1
        used += needed
      }
      scores += try score(rest.prefix(count), prefix: prefix, beginning: beginning, texts)
      scored(count)
      rest = rest.dropFirst(count)
    }
    return scores
  }

  /// One batch: contexts come first, then the texts that go on from them.
  private func score(
    _ groups: ArraySlice<Group>, prefix: Int, beginning: Int, _ texts: Continuations
  ) throws -> [[Score]] {
    var contexts: [ArraySlice<Int32>] = []
    for (place, group) in groups.enumerated() {
      if prefix > 0 { texts.copy(beginning, to: place) } else { texts.clear(place) }
      contexts.append(group.texts.count > 1 ? group.context[prefix...] : [])
    }
    read(contexts, texts, first: 0)
    var parts: [ArraySlice<Int32>] = []
    var targets: [ArraySlice<Int32>] = []
    for (place, group) in groups.enumerated() {
      for text in group.texts {
        let known = group.texts.count > 1 ? group.shared : prefix
        texts.copy(place, to: groups.count + parts.count)
        parts.append(text.tokens[known..<text.tokens.count - 1])
        targets.append(text.tokens.suffix(text.targets))
      }
    }
    let all = try scores(parts, targets, texts, first: groups.count)
    var next = all[...]
    return groups.map { group in
      defer { next = next.dropFirst(group.texts.count) }
      return Array(next.prefix(group.texts.count))
    }
  }

  private func scores(
    _ parts: [ArraySlice<Int32>], _ targets: [ArraySlice<Int32>], _ texts: Continuations, first: Int
  ) throws -> [Score] {
    var all: [Score] = []
    while all.count < parts.count {
      let start = all.count
      let count = Self.fitting(parts[start...])
      let scored = texts.scores(
        Array(parts[start..<start + count]), targets: Array(targets[start..<start + count]),
        first: first + start)
      for tokens in scored {
        let sum = tokens.reduce(0.0) { $0 - $1.loss }
        guard sum.isFinite else { throw notFinite }
        all.append(Score(sum: sum, isLikeliest: tokens.allSatisfy(\.isLikeliest)))
      }
    }
    return all
  }

  /// Reads tokens that nothing is asked of; texts without any are left out.
  private func read(_ parts: [ArraySlice<Int32>], _ texts: Continuations, first: Int) {
    var start = 0
    while start < parts.count {
      guard !parts[start].isEmpty else {
        start += 1
        continue
      }
      var part = parts[start]
      while part.count > Self.longestPart {
        _ = texts.read([part.prefix(Self.longestPart)], first: first + start)
        part = part.dropFirst(Self.longestPart)
      }
      let isWhole = part.count == parts[start].count
      let some =
        isWhole ? parts[start...].prefix { !$0.isEmpty && $0.count <= Self.longestPart } : [part][...]
      let count = Self.fitting(some)
      _ = texts.read(Array(some.prefix(count)), first: first + start)
      start += count
    }
  }

  /// How many of the next texts are read at once.
  private static func fitting(_ parts: ArraySlice<ArraySlice<Int32>>) -> Int {
    var (count, longest) = (0, 0)
    for part in parts {
      longest = max(longest, part.count)
      guard count == 0 || (count + 1) * longest <= mostRead else { break }
      count += 1
    }
    return count
  }

  private var notFinite: UserError {
    UserError(
      .data, "gives numbers that are not finite", at: model.description.folder,
      hint: "check it with swiftdp checkpoint verify \(model.description.folder)")
  }
}
