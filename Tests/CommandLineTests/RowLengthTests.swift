// Rows that are not packed have many lengths: the memory kept for each of them is bounded.
import Foundation
import Testing

extension ResultTests {
  @Suite struct RowLengthTests {
    private static let lengths = 500
    private static let steps = 2000

    /// The longest row comes first; a hundred lengths before the first measurement, the others later.
    private func makeRows(in folder: Workspace) throws {
      let rows = (0..<Self.steps).map { step in
        let length =
          step == 0 ? Self.lengths - 1 : step < 200 ? 1 + step % 100 : 1 + step % (Self.lengths - 1)
        return #"{"text": "\#(String(repeating: "a", count: length))"}"#
      }
      try folder.file("rows.jsonl", rows.joined(separator: "\n") + "\n")
    }

    @Test func memoryStaysFlatOverFiveHundredLengths() throws {
      let folder = try Workspace()
      try folder.makeLlama(width: 16, longest: 512)
      try makeRows(in: folder)
      let run = try RunningCommand(
        [
          Command.binary, "train", "model=llama", "weights=random", "data.train=rows.jsonl",
          "data.sequence_length=512", "data.packing=false", "data.shuffle=false", "data.validation=0",
          "training.steps=\(Self.steps)", "training.batch_size=1", "training.micro_batch_size=1",
          "checkpoint.every=0", "parallel.threads=1", "output=lengths",
        ], in: folder)
      var early: Int?
      var late = 0
      while run.isRunning {
        guard
          let resident = processes(with: "output=lengths", program: "swiftdp").first.flatMap(residentBytes)
        else { continue }
        let steps = (try? folder.text("lengths/metrics.jsonl").split(separator: "\n").count) ?? 0
        if steps >= 150, early == nil { early = resident }
        if steps >= Self.steps * 9 / 10 { late = max(late, resident) }
        usleep(20_000)
      }
      let result = try run.wait()
      #expect(result.code == 0, "\(result.err)")
      let first = try #require(early)
      #expect(late > 0)
      // Four hundred more programs of this small model would be 9 MB.
      #expect(late - first < 4_000_000, "\(first) to \(late) bytes")
    }

    private func residentBytes(_ process: pid_t) -> Int? {
      let pages = try? String(contentsOfFile: "/proc/\(process)/statm", encoding: .utf8).split(separator: " ")
      return pages.flatMap { $0.count > 1 ? Int($0[1]) : nil }.map { $0 * 4096 }
    }
  }
}
