// Variables of OpenMP that a cluster's module files set: they bind no thread of swiftdp and change no bit.
import Foundation
import Testing

extension CommandLineTests {
  @Suite struct OpenMPVariableTests {
    private static let variables = [
      "OMP_NUM_THREADS=7", "OMP_PROC_BIND=true", "OMP_PLACES={0}", "GOMP_CPU_AFFINITY=0",
      "OMP_DISPLAY_ENV=true",
    ]

    /// oneDNN's libgomp reads the variables.
    @Test(arguments: ["model_dtype=float32", "model_dtype=bfloat16", "parallel.blas_kernel=oneDNN"])
    func theyDoNotMatter(_ setting: String) throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      let settings = RankCountTests.text + [setting, "training.steps=4"]
      let whole = try train(settings, output: "whole", in: folder)
      let result = try Command.run(
        ["env"] + Self.variables + [Command.binary, "train"] + settings + ["output=run"], in: folder)
      try #require(result.code == 0, "\(result.err)")
      #expect(result.err.isEmpty, "\(result.err)")
      #expect(try RunOutput(folder: folder, name: "run").hash() == whole.hash())
      let endless = "output=\(UUID().uuidString)"
      let command = try RunningCommand(
        ["env"] + Self.variables + [Command.binary, "train"] + settings + [
          "training.steps=1000000", "parallel.threads=2", endless,
        ], in: folder)
      try #require(command.until { command.output.contains("\nstep 1/") }, "\(command.errors)")
      let process = try #require(processes(with: endless, program: "swiftdp").first)
      let tasks = try FileManager.default.contentsOfDirectory(atPath: "/proc/\(process)/task")
      let cores = try tasks.map { try allowedCores("/proc/\(process)/task/\($0)/status") }
      command.send(SIGKILL)
      #expect(cores.count > 1)
      let own = try allowedCores("/proc/self/status")
      #expect(Set(cores) == [own], "\(cores)")
    }

    /// Such as `0-1`.
    private func allowedCores(_ status: String) throws -> Substring {
      let text = String(decoding: try #require(FileManager.default.contents(atPath: status)), as: UTF8.self)
      return try #require(text.firstMatch(of: /Cpus_allowed_list:\s*(\S+)/)).1
    }
  }
}
