// What a run's last bits depend on beside its recipe: a run goes on if that has changed, and says so.
import Base
import Testing

extension ResultTests {
  @Suite struct FingerprintTests {
    private static let tail = ": losses will agree with those of an undisturbed run to rounding only"

    /// Trains in two halves, the second with other settings.
    /// - Parameter kernelsThen: what the checkpoint is made to say of its kernels.
    /// - Returns: the lines of the second half that begin with `note:`, its losses, and how far they are from those
    ///   of an undisturbed run.
    private func goOn(
      _ changes: [String], kernelsThen: String = "Haswell"
    ) throws -> (notes: [String], count: Int, difference: Double) {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = RankCountTests.text + ["parallel.blas_kernel=Haswell", "checkpoint.every=10"]
      let whole = try train(settings, output: "whole", in: folder)
      if kernelsThen != "Haswell" {
        try folder.removeManifest(of: "whole/checkpoints/step-000010")
        let state = "whole/checkpoints/step-000010/training_state.json"
        let text = try folder.text(state)
        try folder.file(
          state, text.replacingOccurrences(of: "kernels Haswell", with: "kernels " + kernelsThen))
      }
      let result = try Command.swiftdp(
        ["train"] + settings + ["checkpoint.resume=whole/checkpoints/step-000010", "output=rest"] + changes,
        ranks: 2, in: folder)
      try #require(result.code == 0, "\(result.err)")
      let rest = RunOutput(folder: folder, name: "rest")
      let pairs = zip(try rest.numbers("loss"), try whole.numbers("loss").dropFirst(10))
      return (
        result.out.split(separator: "\n").map(String.init).filter { $0.hasPrefix("note: ") },
        try rest.numbers("loss").count,
        pairs.reduce(0) { worst, pair in
          let difference = abs(pair.0 / pair.1 - 1)
          return difference.isNaN ? .infinity : max(worst, difference)
        }
      )
    }

    @Test func nothingIsSaidWhereNothingDiffers() throws {
      let result = try goOn(["parallel.threads=2", "parallel.zero=0", "training.recompute=layer"])
      #expect(result.notes == [])
      #expect(result.count == 10 && result.difference == 0)
    }

    @Test func anotherMicroBatchSizeIsSaidInOneLine() throws {
      let result = try goOn(["training.micro_batch_size=2"])
      #expect(result.notes == ["note: training.micro_batch_size was 1 and is 2" + Self.tail])
      #expect(result.count == 10 && result.difference <= 1e-4, "\(result.difference)")
    }

    /// Any processor that runs Haswell's kernels runs those of its predecessor.
    @Test func anotherKernelIsSaidInOneLine() throws {
      let result = try goOn(["parallel.blas_kernel=Sandybridge"])
      let note = try #require(result.notes.first)
      #expect(result.notes.count == 1)
      #expect(
        note.hasPrefix("note: blas was OpenBLAS ") && note.contains(", kernels Haswell and is OpenBLAS "))
      #expect(note.hasSuffix(", kernels Sandybridge" + Self.tail), "\(note)")
      #expect(result.count == 10 && result.difference <= 1e-4, "\(result.difference)")
    }

    /// A recipe that names no kernels goes on with those of its checkpoint, on processors that would take others too.
    @Test func theKernelsOfTheCheckpointAreKept() throws {
      let result = try goOn(["parallel.blas_kernel=measured"])
      #expect(result.notes == [])
      #expect(result.count == 10 && result.difference == 0)
    }

    /// What no rank can run is not taken, and what is taken in its place is said.
    @Test func kernelsThatAreMissingAreReplaced() throws {
      let result = try goOn(["parallel.blas_kernel=measured"], kernelsThen: "Abacus")
      // The other one says that nothing was checked, as the manifest had to go.
      let note = try #require(result.notes.last)
      #expect(result.notes.count == 2)
      #expect(note.contains(", kernels Abacus and is OpenBLAS ") && note.hasSuffix(Self.tail), "\(note)")
      #expect(result.count == 10 && result.difference <= 1e-4, "\(result.difference)")
    }

    @Test func severalDifferencesAreOneLine() throws {
      let result = try goOn(["training.micro_batch_size=4", "training.exact=false"])
      #expect(
        result.notes == [
          "note: training.micro_batch_size was 1 and is 4; training.exact was true and is false" + Self.tail
        ])
      #expect(result.count == 10 && result.difference <= 1e-4, "\(result.difference)")
    }
  }
}
