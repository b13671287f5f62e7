// Launch scripts: what they say to careless users, that shellcheck finds nothing in them, and a run by launch/local.
import Base
import Foundation
import Testing
import Yams

extension CommandLineTests {
  @Suite struct LaunchScriptTests {
    /// Every script of launch/, the README's two commands among them.
    private static func scripts() throws -> [String] {
      let folder = Project.root + "/launch/"
      let names = try FileManager.default.subpathsOfDirectory(atPath: folder).sorted()
      return try names.map { folder + $0 }.filter { path in
        var isFolder: ObjCBool = false
        guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), !isFolder.boolValue else {
          return false
        }
        return try Data(contentsOf: URL(fileURLWithPath: path)).starts(with: Data("#!".utf8))
      }
    }

    @Test func shellcheckFindsNothing() throws {
      let scripts = try Self.scripts() + [Project.root + "/.ci/run"]
      #expect(scripts.count >= 14, "\(scripts)")
      let result = try Command.run(["shellcheck"] + scripts, in: Workspace())
      #expect(result.code == 0, "\(result.out)\(result.err)")
      for script in scripts where !script.hasSuffix(".sh") && !script.hasSuffix(".sbatch") {
        #expect(FileManager.default.isExecutableFile(atPath: script), "\(script)")
      }
    }

    /// Without a program or a recipe, a script says in one line what to do, and exits with 64.
    @Test func mistakesInOneLine() throws {
      let folder = try Workspace()
      try folder.file("hosts", "localhost slots=1\n")
      var count = 0
      for (script, words) in [
        ("local", []), ("ssh", ["hosts", "run.yaml"]), ("slurm.sbatch", ["run.yaml"]),
        ("sge.sh", ["run.yaml"]),
      ] {
        let path = Project.root + "/launch/" + script
        let result = try Command.run(
          ["env", "-u", "SWIFTDP", "PATH=/usr/bin:/bin", "bash", path] + words, in: folder)
        #expect(result.code == 64, "\(script): \(result.err)")
        #expect(result.errorLines.count == 1 && result.err.hasPrefix("\(script): "), "\(result.err)")
        count += 1
      }
      #expect(count == 4)
      let noRecipe = try Command.run(
        ["env", "SWIFTDP=\(Command.binary)", Project.root + "/launch/ssh", "hosts"], in: folder)
      #expect(noRecipe.code == 64 && noRecipe.errorLines.count == 1, "\(noRecipe.err)")
      let noNames = try folder.file("four.yaml", "hosts: 4\ncores: 2\nmemory: 1G\nnetwork: {bandwidth: 1G}\n")
      let unnamed = try Command.run(
        ["env", "SWIFTDP=\(Command.binary)", Project.root + "/launch/ssh", "--cluster", noNames, "run.yaml"],
        in: folder)
      #expect(unnamed.code == 64 && unnamed.err.contains("names no hosts"), "\(unnamed.err)")
    }

    /// The keys of the manifest are those that MPIJob v2beta1 has (kubeflow/mpi-operator, types.go), with the types that
    /// they have there; what the pods run is what ships.
    @Test func manifestIsAnMPIJob() throws {
      let text = String(decoding: try Project.contents("launch/kubernetes/mpijob.yaml"), as: UTF8.self)
      let job = try #require(try Yams.load(yaml: text) as? [String: Any])
      #expect(Set(job.keys) == ["apiVersion", "kind", "metadata", "spec"])
      #expect(job["apiVersion"] as? String == "kubeflow.org/v2beta1" && job["kind"] as? String == "MPIJob")
      let spec = try #require(job["spec"] as? [String: Any])
      #expect(
        Set(spec.keys).isSubset(of: [
          "slotsPerWorker", "runLauncherAsWorker", "runPolicy", "mpiReplicaSpecs", "sshAuthMountPath",
          "launcherCreationPolicy", "mpiImplementation",
        ]))
      #expect(spec["slotsPerWorker"] is Int && spec["mpiImplementation"] as? String == "OpenMPI")
      #expect(["AtStartup", "WaitForWorkersReady"].contains(spec["launcherCreationPolicy"] as? String))
      let policy = try #require(spec["runPolicy"] as? [String: Any])
      #expect(
        Set(policy.keys).isSubset(of: [
          "cleanPodPolicy", "ttlSecondsAfterFinished", "activeDeadlineSeconds", "backoffLimit",
          "schedulingPolicy",
          "suspend", "managedBy",
        ]))
      let replicas = try #require(spec["mpiReplicaSpecs"] as? [String: [String: Any]])
      #expect(Set(replicas.keys) == ["Launcher", "Worker"])
      for (kind, replica) in replicas {
        #expect(Set(replica.keys) == ["replicas", "restartPolicy", "template"], "\(kind)")
        #expect(
          replica["replicas"] is Int && ["Never", "OnFailure"].contains(replica["restartPolicy"] as? String))
        let template = try #require(replica["template"] as? [String: Any])
        let pod = try #require(template["spec"] as? [String: Any])
        let containers = try #require(pod["containers"] as? [[String: Any]])
        let mounts = containers.flatMap { $0["volumeMounts"] as? [[String: Any]] ?? [] }
        let volumes = try #require(pod["volumes"] as? [[String: Any]]).compactMap { $0["name"] as? String }
        #expect(Set(mounts.compactMap { $0["name"] as? String }) == Set(volumes), "\(kind)")
        for container in containers {
          let words = (container["command"] as? [Any] ?? []) + (container["args"] as? [Any] ?? [])
          // Kubernetes takes texts only: a bare 5 or true would be refused.
          #expect(!words.isEmpty && words.allSatisfy { $0 is String }, "\(kind): \(words)")
        }
      }
      // What the launcher starts is a command that supervise takes.
      let launcher = try #require(
        ((replicas["Launcher"]?["template"] as? [String: Any])?["spec"] as? [String: Any])?["containers"]
          as? [[String: Any]])
      let args = try #require(launcher[0]["args"] as? [String])
      #expect(args.first == "mpirun" && args.contains("/etc/mpi/hostfile") && args.contains("train"))
    }

    @Test func localTrains() throws {
      let folder = try Workspace()
      try folder.makeLlama()
      try folder.makeText(characters: 2150)
      try folder.file("run.yaml", "# all settings are given\n")
      try folder.file(
        "cluster.yaml", "cores: 2\nmemory: 8G\nranks: 2\nbinding: none\nsettings: {checkpoint: {every: 10}}\n"
      )
      let settings = RankCountTests.text + ["training.steps=10", "output=out"]
      let script = ["env", "SWIFTDP=\(Command.binary)", Project.root + "/launch/local"]
      let one = try Command.run(script + ["run.yaml"] + settings, in: folder)
      #expect(one.code == 0, "\(one.err)")
      // The file of a cluster says how many ranks there are; the bits are the same.
      let two = try Command.run(
        script + ["--cluster", "cluster.yaml", "run.yaml"] + settings + ["output=two"], in: folder)
      #expect(two.code == 0 && two.out.contains(" 2 ranks "), "\(two.out)\(two.err)")
      #expect(
        try RunOutput(folder: folder, name: "two").hash() == RunOutput(folder: folder, name: "out").hash())
    }
  }
}
