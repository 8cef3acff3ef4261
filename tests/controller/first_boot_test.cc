// first-boot.sh, as user-data brings it, run by real shells below a folder that stands for the host's root. Its paths are
// changed for that and nothing else; of the host's programs it finds those that stand in the folder's bin.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "agent_api/digest.h"
#include "bundle/bundle.h"
#include "cloud_init/cloud_init.h"
#include "inventory/inventory.h"
#include "user_data_files.h"

namespace zk::cloud_init {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using testing::Not;

/// All that the script asks of a host, beside curl or wget.
const std::vector<std::string> kTools = {"cat",
                                         "chmod",
                                         "cmp",
                                         "cp",
                                         "dirname",
                                         "flock",
                                         "grep",
                                         "mkdir",
                                         "mv",
                                         "rm",
                                         "sh",
                                         "sha256sum",
                                         "tar"};

void replace_all(std::string& text, const std::string& from, const std::string& to) {
    for (std::size_t at = 0; (at = text.find(from, at)) != std::string::npos; at += to.size()) {
        text.replace(at, from.size(), to);
    }
}

class FirstBoot : public testing::Test {
  protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "zkprov-first-boot-XXXXXX").string();
        ASSERT_NE(mkdtemp(name.data()), nullptr);
        root_ = name;
        for (const std::string folder :
             {"bin", "etc/zkprov", "opt", "run/zkprov", "var/lib/zkprov"}) {
            fs::create_directories(at(folder));
        }
        for (const std::string& tool : kTools) link(tool);
        program("systemctl", "echo systemctl \"$@\" >>$root/log\n");
        program("findmnt", "[ ! -f $root/fstab ] || cat $root/fstab\n");
        program("mountpoint", "grep -qx \"$2\" $root/mounted\n");
        program("systemd-escape", "echo \"escaped:$3\"\n");
        program("sync", ":\n");
        program("sleep", "echo sleep \"$@\" >>$root/log\n");
        bundle_ = new_bundle("7");
    }
    void TearDown() override { fs::remove_all(root_); }

    [[nodiscard]] std::string at(const std::string& name) const { return (root_ / name).string(); }
    void write(const std::string& name, const Bytes& content) const {
        fs::create_directories(fs::path(at(name)).parent_path());
        std::ofstream(at(name), std::ios::binary) << content;
    }
    [[nodiscard]] Bytes read(const std::string& name) const {
        std::ostringstream content;
        content << std::ifstream(at(name), std::ios::binary).rdbuf();
        return content.str();
    }
    [[nodiscard]] Bytes installed(const std::string& name) const {
        return read("usr/local/lib/zkprov/" + name);
    }

    /// A program of the host that the test plays.
    void program(const std::string& name, const std::string& body) const {
        fs::remove(at("bin/" + name));
        write("bin/" + name, "#!/bin/dash\nroot=" + root_.string() + "\n" + body);
        fs::permissions(at("bin/" + name), fs::perms::owner_all);
    }
    void link(const std::string& tool) const {
        fs::remove(at("bin/" + tool));
        fs::create_symlink("/usr/bin/" + (tool == "sh" ? "dash" : tool), at("bin/" + tool));
    }
    /// Its agent says with which words it was called, and ends with what the file agent-exit says.
    [[nodiscard]] Bytes agent(const std::string& version) const {
        return "#!/bin/dash\n# " + version + "\necho agent \"$@\" >>" + at("log") +
               "\nexit $(cat " + at("agent-exit") + ")\n";
    }
    [[nodiscard]] Bytes new_bundle(const std::string& version) const {
        return *bundle::write_bundle(agent(version), "server " + version);
    }

    /// What first boot finds on the host, written by cloud-init.
    void deliver(const Wanted& wanted) const {
        inventory::Diagnostics diagnostics("i.yaml");
        const auto inventory = inventory::read_inventory(
            "schema: zkprov/1\ncluster: demo\nagent: {http: {listen: node}}\n"
            "nodes: [{id: 1-3, host: \"192.168.6.[137-139]\"}]\n",
            "/w",
            diagnostics);
        ASSERT_TRUE(inventory.has_value());
        const auto text = user_data(*inventory, wanted);
        ASSERT_TRUE(text.has_value()) << text.error().words;
        std::string script = content_of(*text, kScriptFile);
        for (const std::string path : {"/etc/zkprov",
                                       "/usr/local/lib/zkprov",
                                       "/var/cache/zkprov",
                                       "/var/lib/zkprov",
                                       "/run/zkprov"}) {
            replace_all(script, path, at(path.substr(1)));
        }
        write(kScriptFile.substr(1), script);
        write("agent-exit", "0\n");
        if (std::holds_alternative<Embedded>(wanted.programs))
            write("var/cache/zkprov/bundle.tar", bundle_);
    }
    void deliver_embedded() const { deliver({Embedded{bundle_}, {}, {}}); }
    void deliver_url(const std::string& phone_home = "") const {
        write("served/bundle.tar", bundle_);
        deliver({FromUrl{"https://files.example/zkprov.tar", agent_api::sha256_hex(bundle_)},
                 {},
                 phone_home});
    }
    /// Gives what lies in served/, after as many failures as the file `fails` says; keeps what is posted.
    void have_curl() const {
        program("curl",
                "fails=0; [ ! -f $root/fails ] || read -r fails <$root/fails\n"
                "if [ $fails -gt 0 ]; then echo $((fails - 1)) >$root/fails; exit 7; fi\n"
                "echo \"curl $*\" >>$root/log\n"
                "while [ $# -gt 0 ]; do\n"
                "    case $1 in\n"
                "        -o) to=$2; shift ;;\n"
                "        --data-binary) cat \"${2#@}\" >$root/posted ;;\n"
                "    esac\n"
                "    shift\n"
                "done\n"
                "[ $to = /dev/null ] || cat $root/served/bundle.tar >$to\n");
    }

    /// How the script ended: as the shell says it.
    int run(const std::string& arguments = "", const std::string& environment = "") const {
        fs::remove(at("log"));
        const std::string line = "setsid -w env -i PATH=" + at("bin") + " " + environment + " " +
                                 at("bin/sh") + " " + at("etc/zkprov/first-boot.sh") + " " +
                                 arguments + " >" + at("said") + " 2>&1 </dev/null";
        const int ended = std::system(line.c_str());  // NOLINT(cert-env33-c): the test's own words
        return WIFEXITED(ended) ? WEXITSTATUS(ended) : -1;
    }
    [[nodiscard]] std::string said() const { return read("said"); }
    [[nodiscard]] std::string log() const { return read("log"); }

    void expect_installed(const std::string& version) const {
        EXPECT_EQ(installed("zkprov-agent"), agent(version));
        EXPECT_EQ(installed("zkserver"), "server " + version);
    }

    fs::path root_;
    Bytes bundle_;
};

const std::string kStarted =
    "systemctl daemon-reload\nsystemctl start --no-block zkprov-join.service\n";

TEST_F(FirstBoot, InstallsStartsAndWaits) {
    for (const std::string shell : {"dash", "bash"}) {
        fs::remove(at("bin/sh"));
        fs::create_symlink("/usr/bin/" + shell, at("bin/sh"));
        fs::remove_all(at("usr"));
        deliver_embedded();
        write("agent-exit", "3\n");
        EXPECT_EQ(run(), 3) << said();
        EXPECT_EQ(log(), kStarted + "agent join-status --wait 600s\n");
        expect_installed("7");
        EXPECT_EQ(said(), "");
        EXPECT_FALSE(fs::exists(at("var/cache/zkprov/bundle.tar")));
        EXPECT_FALSE(fs::exists(at("var/cache/zkprov/unpacked")));
    }
}

TEST_F(FirstBoot, TheUnitInstallsNothingTwice) {
    deliver_embedded();
    EXPECT_EQ(run("programs"), 0) << said();
    const auto when = fs::last_write_time(at("usr/local/lib/zkprov/zkserver"));
    write("agent-exit", "4\n");
    EXPECT_EQ(run("join"), 4) << said();
    EXPECT_EQ(log(), "agent join --inventory " + at("etc/zkprov/inventory.yaml") + "\n");
    EXPECT_EQ(fs::last_write_time(at("usr/local/lib/zkprov/zkserver")), when);
}

TEST_F(FirstBoot, TheNodeThatWasNamed) {
    deliver({Embedded{bundle_}, ServerId(2), {}, milliseconds(1500)});
    EXPECT_EQ(run("join"), 0) << said();
    EXPECT_EQ(log(), "agent join --inventory " + at("etc/zkprov/inventory.yaml") + " --node 2\n");
    EXPECT_EQ(run(), 0) << said();
    EXPECT_THAT(log(), HasSubstr("join-status --wait 1500ms\n"));
}

TEST_F(FirstBoot, WaitsForTheDisksThatFstabNames) {
    deliver_embedded();
    write("fstab", "/\nnone\n/usr/local/zookeeper/data\n/usr/local/zookeeper/dat\n/srv\n");
    write("mounted", "/\n");
    program("systemctl", "echo systemctl \"$@\" >>$root/log\nexit 1\n");
    EXPECT_EQ(run("join"), 1);
    EXPECT_THAT(said(), HasSubstr("the disk of /usr/local/zookeeper/data is not there"));
    EXPECT_EQ(log(), "systemctl start escaped:/usr/local/zookeeper/data\n");
    EXPECT_FALSE(fs::exists(at("usr")));
    program("systemctl",
            "echo systemctl \"$@\" >>$root/log\necho \"${2#escaped:}\" >>$root/mounted\n");
    EXPECT_EQ(run("join"), 0) << said();
    EXPECT_THAT(
        log(),
        testing::StartsWith("systemctl start escaped:/usr/local/zookeeper/data\nagent join"));
    EXPECT_EQ(run("join"), 0) << said();
    EXPECT_THAT(log(), testing::StartsWith("agent join"));
}

TEST_F(FirstBoot, CloudInitAndTheUnitInstallOneAfterTheOther) {
    deliver_embedded();
    program("tar",
            "echo tar >>$root/unpacked\n"
            "if [ -e $root/inside ]; then echo both >>$root/both; fi\n"
            ": >$root/inside; /usr/bin/sleep 0.3; /usr/bin/tar \"$@\"; rm $root/inside\n");
    program("both", "sh $1 programs & first=$!; sh $1 programs && wait $first\n");
    const std::string line = "env -i PATH=" + at("bin") + " both " +
                             at("etc/zkprov/first-boot.sh") + " >" + at("said") + " 2>&1";
    EXPECT_EQ(std::system(line.c_str()), 0) << said();  // NOLINT(cert-env33-c)
    EXPECT_FALSE(fs::exists(at("both")));
    EXPECT_EQ(read("unpacked"), "tar\ntar\n");  // one looks, then unpacks; the other finds it done
    expect_installed("7");
}

TEST_F(FirstBoot, OlderProgramsOfTheImageAreReplaced) {
    const Bytes newer = bundle_;
    bundle_ = new_bundle("6");
    deliver_embedded();
    EXPECT_EQ(run("programs"), 0) << said();
    expect_installed("6");
    bundle_ = newer;
    deliver_embedded();
    EXPECT_EQ(run("programs"), 0) << said();
    expect_installed("7");
}

TEST_F(FirstBoot, ProgramsThatSomebodyChangedAreNotThoseOfTheBundle) {
    write("opt/zkprov.tar", bundle_);
    deliver({InImage{at("opt/zkprov.tar")}, {}, {}});
    EXPECT_EQ(run("programs"), 0) << said();
    write("usr/local/lib/zkprov/zkserver", "other");
    EXPECT_EQ(run("programs"), 0) << said();
    expect_installed("7");
    EXPECT_TRUE(fs::exists(at("opt/zkprov.tar")));
    // What cloud-init brought is gone by now, and nobody guesses.
    deliver_embedded();
    EXPECT_EQ(run("programs"), 0) << said();
    write("usr/local/lib/zkprov/zkserver", "other");
    EXPECT_EQ(run("join"), 4);
    EXPECT_THAT(said(), HasSubstr("bundle.tar is missing"));
    EXPECT_EQ(log(), "");
}

TEST_F(FirstBoot, AnImageWithAnotherBundleIsRefused) {
    write("opt/zkprov.tar", new_bundle("8"));
    deliver({InImage{at("opt/zkprov.tar"), agent_api::sha256_hex(bundle_)}, {}, {}});
    EXPECT_EQ(run("programs"), 4);
    EXPECT_THAT(said(), HasSubstr(agent_api::sha256_hex(new_bundle("8"))));
    EXPECT_FALSE(fs::exists(at("usr")));
    write("opt/zkprov.tar", "no tar");
    deliver({InImage{at("opt/zkprov.tar")}, {}, {}});
    EXPECT_EQ(run("programs"), 4);
    EXPECT_THAT(said(), HasSubstr("is no bundle"));
}

TEST_F(FirstBoot, FetchesUntilItIsThere) {
    have_curl();
    deliver_url();
    write("fails", "3\n");
    EXPECT_EQ(run("programs"), 0) << said();
    EXPECT_THAT(log(), HasSubstr("sleep 3\nsleep 3\nsleep 3\ncurl "));
    EXPECT_THAT(log(), HasSubstr(" https://files.example/zkprov.tar\n"));
    expect_installed("7");
    EXPECT_EQ(run("programs"), 0) << said();
    EXPECT_EQ(log(), "");
}

TEST_F(FirstBoot, FetchesWithWgetToo) {
    program("wget",
            "echo \"wget $*\" >>$root/log\n"
            "while [ $1 != -O ]; do shift; done\ncat $root/served/bundle.tar >$2\n");
    deliver_url();
    EXPECT_EQ(run("programs"), 0) << said();
    EXPECT_THAT(log(), HasSubstr(" https://files.example/zkprov.tar\n"));
    expect_installed("7");
}

TEST_F(FirstBoot, WhatIsFetchedAndIsAnotherIsNotRun) {
    have_curl();
    deliver_url();
    write("served/bundle.tar", new_bundle("evil"));
    EXPECT_EQ(run(), 4);
    EXPECT_THAT(said(), HasSubstr("https://files.example/zkprov.tar has the SHA-256"));
    EXPECT_FALSE(fs::exists(at("usr")));
    // The unit says the same to those who look there.
    EXPECT_THAT(log(), HasSubstr(kStarted));
}

TEST_F(FirstBoot, WhatCannotBeFetchedIsTriedAgainByTheUnit) {
    have_curl();
    deliver_url();
    write("fails", "1000\n");
    EXPECT_EQ(run(), 1);
    EXPECT_THAT(said(), HasSubstr("cannot fetch https://files.example/zkprov.tar"));
    EXPECT_THAT(said(), HasSubstr("zkprov-join.service tries again"));
    EXPECT_THAT(log(), testing::EndsWith(kStarted));
    write("fails", "0\n");
    EXPECT_EQ(run("join"), 0) << said();
    EXPECT_THAT(log(), HasSubstr("agent join --inventory"));
}

TEST_F(FirstBoot, NothingToFetchWith) {
    deliver_url("https://home.example/");
    EXPECT_EQ(run("programs"), 4);
    EXPECT_THAT(said(), HasSubstr("neither curl nor wget is here to fetch https://files.example"));
    EXPECT_EQ(run("report"), 0);
    EXPECT_THAT(said(), HasSubstr("neither curl nor wget is here to phone home"));
}

TEST_F(FirstBoot, LeavesAHostAloneThatHasJoined) {
    deliver_embedded();
    write("var/lib/zkprov/join-ended", "");
    EXPECT_EQ(run(), 4);
    EXPECT_THAT(said(), HasSubstr("join-ended says that this host has joined before"));
    EXPECT_EQ(log(), "");
    EXPECT_FALSE(fs::exists(at("usr")));
}

TEST_F(FirstBoot, NeedsSystemd) {
    deliver_embedded();
    fs::remove(at("bin/systemctl"));
    EXPECT_EQ(run(), 4);
    EXPECT_THAT(said(), HasSubstr("no systemd"));
    EXPECT_EQ(run("jion"), 1);
    EXPECT_THAT(said(), HasSubstr("not jion"));
}

TEST_F(FirstBoot, PhonesHomeAtTheEndOnly) {
    have_curl();
    deliver_url("https://home.example/a?b='c'");
    write("run/zkprov/join.json", R"({"stage":"done"})");
    for (const std::string way : {"EXIT_CODE=killed EXIT_STATUS=TERM",
                                  "EXIT_CODE=exited EXIT_STATUS=1",
                                  "EXIT_CODE=exited EXIT_STATUS=143"}) {
        EXPECT_EQ(run("report", way), 0) << said();
        EXPECT_EQ(log(), "") << way;
    }
    for (const std::string way :
         {"EXIT_CODE=exited EXIT_STATUS=0", "EXIT_CODE=exited EXIT_STATUS=4"}) {
        fs::remove(at("posted"));
        write("fails", "2\n");
        EXPECT_EQ(run("report", way), 0) << said();
        EXPECT_EQ(read("posted"), R"({"stage":"done"})");
        EXPECT_THAT(log(), testing::StartsWith("sleep 2\nsleep 4\ncurl "));
        EXPECT_THAT(log(), HasSubstr(" https://home.example/a?b='c'\n"));
    }
    write("fails", "1000\n");
    EXPECT_EQ(run("report"), 1);
    EXPECT_EQ(log(), "sleep 2\nsleep 4\nsleep 6\nsleep 8\nsleep 10\n");
    // It may not even have come to joining.
    write("fails", "0\n");
    fs::remove(at("run/zkprov/join.json"));
    fs::create_directories(at("var/cache/zkprov"));
    EXPECT_EQ(run("report", "EXIT_CODE=exited EXIT_STATUS=4"), 0) << said();
    EXPECT_THAT(read("posted"),
                testing::StartsWith(R"({"stage":"failed","words":"the programs are)"));
}

TEST_F(FirstBoot, NobodyIsPhonedWhereNoneIsNamed) {
    have_curl();
    deliver_url();
    write("run/zkprov/join.json", "{}");
    EXPECT_EQ(run("report"), 0);
    EXPECT_EQ(log(), "");
}

/// The machine loses its power in front of each program that the script calls, one after the other; then the next boot
/// runs the unit. What the kernel had not written by then cannot be shown here: the script syncs before each step that
/// takes something away.
class PowerCut : public FirstBoot {
  protected:
    void SetUp() override {
        FirstBoot::SetUp();
        std::vector<std::string> tools = kTools;
        tools.insert(tools.end(), {"sync", "curl"});
        for (const std::string& tool : tools) {
            const bool real = tool != "sync" && tool != "curl";
            program(tool,
                    "calls=0; cut=0\n"
                    "[ ! -f $root/calls ] || read -r calls <$root/calls\n"
                    "[ ! -f $root/cut ] || read -r cut <$root/cut\n"
                    "calls=$((calls + 1)); echo $calls >$root/calls\n"
                    "[ $calls -ne $cut ] || kill -KILL 0\n"
                    "echo " +
                        tool + " \"$@\" >>$root/trace\n" +
                        (real ? "exec /usr/bin/" + (tool == "sh" ? "dash" : tool) + " \"$@\"\n"
                         : tool == "sync" ? std::string(":\n")
                                          : "while [ $1 != -o ]; do shift; done\n"
                                            "cat $root/served/bundle.tar >$2\n"));
        }
    }
    /// How many programs were called.
    int run_cut(const std::string& arguments, int cut) {
        write("calls", "0\n");
        write("cut", std::to_string(cut) + "\n");
        ended_ = run(arguments);
        return std::stoi(read("calls"));
    }
    void cut_everywhere(const std::string& arguments, const std::function<void()>& deliver_anew) {
        int cut = 0;
        int calls = 0;
        do {
            ++cut;
            for (const std::string folder : {"usr", "var/cache"}) fs::remove_all(at(folder));
            deliver_anew();
            calls = run_cut(arguments, cut);
            EXPECT_EQ(ended_ != 0, calls >= cut) << cut << ": " << said();
            run_cut("join", 0);
            ASSERT_EQ(ended_, 0) << cut << ": " << said();
            EXPECT_EQ(log(), "agent join --inventory " + at("etc/zkprov/inventory.yaml") + "\n")
                << cut;
            expect_installed("7");
            for (const fs::path folder : {at("usr/local/lib/zkprov"), at("var/cache/zkprov")}) {
                for (const auto& entry : fs::directory_iterator(folder)) {
                    const std::string name = entry.path().filename();
                    EXPECT_THAT(name,
                                testing::AnyOf("zkprov-agent", "zkserver", "bundle.sha256", "lock"))
                        << cut;
                }
            }
        } while (calls >= cut && !HasFailure());
        EXPECT_GT(cut, 20);
    }
    int ended_ = 0;
};

TEST_F(PowerCut, TheBundleGoesWhenTheProgramsAreOnTheDisk) {
    deliver_embedded();
    run_cut("programs", 0);
    std::string trace = read("trace");
    replace_all(trace, root_.string(), "");
    EXPECT_THAT(trace,
                testing::EndsWith("sync\n"
                                  "mv -f /usr/local/lib/zkprov/bundle.sha256.new "
                                  "/usr/local/lib/zkprov/bundle.sha256\n"
                                  "sync\n"
                                  "rm -rf /var/cache/zkprov/unpacked\n"
                                  "rm -f /var/cache/zkprov/bundle.tar\n"));
}

TEST_F(PowerCut, WithTheBundleOfTheUserData) {
    cut_everywhere("", [this] { deliver_embedded(); });
}

TEST_F(PowerCut, WhileTheBundleIsFetched) {
    cut_everywhere("programs", [this] { deliver_url(); });
}

}  // namespace
}  // namespace zk::cloud_init
