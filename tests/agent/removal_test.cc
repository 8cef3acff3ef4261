// Nodes in temporary directories that are taken away: what goes, what stays, and what may be repeated.
#include "agent_host/removal.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "agent_api/agent_errc.h"
#include "agent_host/containers.h"
#include "agent_host/leaving.h"
#include "agent_host/posix.h"
#include "fake_engine.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;
using agent_api::AgentErrc;
using agent_api::FileKind;
using agent_api::RemovalReport;
using agent_api::RemovalRequest;
using agent_api::RemovalStage;
using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr const char* kUser = "games";  // one that every host has and nobody uses

class Removing : public testing::Test {
  protected:
    Removing() : state_(make_directory() + "/state") {
        EXPECT_TRUE(state_.prepare().has_value());
        describe();
    }
    ~Removing() override { fs::remove_all(dir_); }

    std::string make_directory() {
        char name[] = "/tmp/zkprov-removal-XXXXXX";
        dir_ = ::mkdtemp(name);
        return dir_;
    }
    void put(const std::string& path, const std::string& content = "x") {
        fs::create_directories(fs::path(path).parent_path());
        std::ofstream(path) << content;
    }
    void add_file(const std::string& path, const std::string& content, FileKind kind) {
        spec_.files.push_back({path, 0644, "", content, kind});
    }

    void describe() {
        spec_.cluster = "demo";
        spec_.generation = "g1";
        spec_.sid = ServerId(2);
        spec_.install_dir = dir_ + "/zookeeper";
        spec_.data_dir = dir_ + "/zookeeper/data";
        spec_.log_dir = dir_ + "/zookeeper/logs";
        spec_.conf_path = dir_ + "/zookeeper/conf/zoo.cfg";
        spec_.address = "127.0.0.1";
        spec_.client_port = 1;  // nobody listens there
        spec_.release.version = "3";
        spec_.release.sha256 = std::string(64, 'a');
        for (const char* name : {"", "/bin", "/conf", "/data", "/logs"}) {
            spec_.directories.push_back({spec_.install_dir + name, 0755, ""});
        }
        add_file(spec_.conf_path, "# Written by zkprov apply\n", FileKind::config);
        add_file(spec_.data_dir + "/myid", "2\n", FileKind::config);
        add_file(spec_.data_dir + "/zkprov.node",
                 to_json(agent_api::DataOwner{"demo", ServerId(2), "g1"}),
                 FileKind::plain);
        add_file(unit("zookeeper.service"), "[Unit]\n", FileKind::unit);
        add_file(unit("zkprov-agent.service"), "[Unit]\n", FileKind::unit);
        add_file(unit("zookeeper.service.d/zkprov-start.conf"), "[Service]\n", FileKind::unit);
        request_.cluster = "demo";
        request_.sid = ServerId(2);
        request_.install_dir = spec_.install_dir;
        request_.data_dir = spec_.data_dir;
        request_.log_dir = spec_.log_dir;
    }
    [[nodiscard]] std::string unit(const std::string& name) const {
        return dir_ + "/system/" + name;
    }

    /// As an apply leaves it, after a while of service.
    void install() {
        for (const auto& directory : spec_.directories) fs::create_directories(directory.path);
        for (const auto& file : spec_.files) put(file.path, file.content);
        put(spec_.install_dir + "/releases/3/bin/zkserver");
        put(spec_.install_dir + "/bin/zkprov-agent");
        fs::create_symlink("releases/3", spec_.install_dir + "/current");
        put(spec_.data_dir + "/version-2/snapshot.0");
        put(spec_.data_dir + "/version-2/currentEpoch");
        put(spec_.log_dir + "/version-2/log.1");
        put(spec_.log_dir + "/zkserver.log.1");
        ASSERT_TRUE(state_.save_spec(spec_).has_value());
    }
    Result<RemovalReport> ask(RemovalStage stage) {
        request_.stage = stage;
        RemovalTools tools;
        const auto note = [this](const std::string& what) {
            asked_ += what + "\n";
            return Result<>(ok());
        };
        tools.stop = [=](const std::string& unit) { return note("stop " + unit); };
        tools.disable = [=](const std::string& unit) { return note("disable " + unit); };
        tools.reload = [=] { return note("daemon-reload"); };
        tools.run = [=, this](const std::vector<std::string>& words) -> Result<std::string> {
            (void)note(words[0] + " " + words[1]);
            if (words[0] == "userdel" && !account_user_.empty()) {
                return Error(Errc::failed, account_user_);
            }
            return std::string();
        };
        return remove_node(state_, request_, tools);
    }
    RemovalReport done(RemovalStage stage) {
        auto report = ask(stage);
        EXPECT_TRUE(report.has_value()) << report.error().message();
        return report.has_value() ? *report : RemovalReport();
    }
    /// All files below.
    std::vector<std::string> files_in(const std::string& directory) {
        std::vector<std::string> names;
        std::error_code code;
        for (fs::recursive_directory_iterator at(directory, code), end; !code && at != end;
             at.increment(code)) {
            if (!at->is_directory()) names.push_back(at->path().string());
        }
        std::sort(names.begin(), names.end());
        return names;
    }
    static std::string why_kept(const RemovalReport& report, const std::string& what) {
        for (const auto& kept : report.kept) {
            if (kept.what == what) return kept.why;
        }
        return {};
    }

    std::string dir_;
    std::string asked_;         ///< of the host's programs
    std::string account_user_;  ///< what keeps an account from being removed
    StateDir state_;
    agent_api::NodeSpec spec_;
    RemovalRequest request_;
};

TEST_F(Removing, ALookChangesNothing) {
    install();
    request_.delete_data = true;
    const auto before = files_in(dir_);
    const auto report = done(RemovalStage::look);
    const auto after = files_in(dir_);
    EXPECT_TRUE(std::ranges::includes(after, before));
    EXPECT_THAT(asked_, Not(HasSubstr("stop")));
    EXPECT_TRUE(report.installed);
    EXPECT_THAT(report.removed, Contains("the unit zookeeper.service"));
    EXPECT_THAT(report.removed, Contains(spec_.conf_path));
    EXPECT_THAT(report.removed, Contains(spec_.data_dir));
}

TEST_F(Removing, AllButTheDataGoesAndARecordOfThemIsLeft) {
    install();
    done(RemovalStage::stop);
    EXPECT_THAT(asked_, HasSubstr("stop zookeeper.service\n"));
    EXPECT_TRUE(exists(spec_.conf_path));
    const auto report = done(RemovalStage::remove);
    EXPECT_THAT(asked_, HasSubstr("stop zkprov-agent.service\n"));
    EXPECT_THAT(asked_, HasSubstr("disable zookeeper.service\n"));
    EXPECT_THAT(asked_, HasSubstr("daemon-reload\n"));
    EXPECT_THAT(files_in(dir_ + "/system"), IsEmpty());
    EXPECT_FALSE(exists(unit("zookeeper.service.d")));
    for (const char* gone : {"/bin", "/conf", "/releases", "/current"}) {
        EXPECT_FALSE(exists(spec_.install_dir + gone)) << gone;
    }
    EXPECT_TRUE(exists(spec_.data_dir + "/version-2/snapshot.0"));
    EXPECT_TRUE(exists(spec_.log_dir + "/version-2/log.1"));
    EXPECT_EQ(why_kept(report, spec_.data_dir), "the server's data and logs");
    EXPECT_TRUE(exists(state_.file("spec.json")));  // another run would go on by it
    done(RemovalStage::leave);
    EXPECT_FALSE(exists(state_.path()));
    EXPECT_FALSE(done(RemovalStage::look).installed);
}

TEST_F(Removing, WhatIsHalfDoneIsRepeated) {
    install();
    done(RemovalStage::remove);
    const auto again = done(RemovalStage::remove);
    EXPECT_TRUE(again.installed);
    EXPECT_THAT(again.removed, IsEmpty());
}

TEST_F(Removing, DataThatStayedAreDeletedByALaterRun) {
    install();
    done(RemovalStage::remove);
    done(RemovalStage::leave);
    request_.delete_data = true;
    const auto report = done(RemovalStage::remove);
    EXPECT_FALSE(report.installed);
    EXPECT_THAT(report.removed, Contains(spec_.data_dir));
    EXPECT_FALSE(exists(spec_.data_dir));
    EXPECT_FALSE(exists(spec_.log_dir));
    done(RemovalStage::leave);
    EXPECT_FALSE(exists(spec_.install_dir));
    EXPECT_THAT(done(RemovalStage::look).removed, IsEmpty());
}

TEST_F(Removing, AWordThatAnotherUserLeftIsNotBelieved) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    install();
    done(RemovalStage::remove);
    done(RemovalStage::leave);
    ASSERT_EQ(::chown((spec_.data_dir + "/zkprov.left").c_str(), 65534, 65534), 0);
    request_.delete_data = true;
    EXPECT_THAT(done(RemovalStage::remove).removed, IsEmpty());
    EXPECT_TRUE(exists(spec_.data_dir + "/myid"));
}

TEST_F(Removing, DataAreDeletedWhereTheyAreAskedFor) {
    install();
    request_.delete_data = true;
    const auto report = done(RemovalStage::remove);
    EXPECT_FALSE(exists(spec_.data_dir));
    EXPECT_FALSE(exists(spec_.log_dir));
    EXPECT_FALSE(exists(spec_.install_dir));
    EXPECT_THAT(report.kept, IsEmpty());
}

TEST_F(Removing, AStrangerMakesAllDataStay) {
    request_.delete_data = true;
    for (const std::string& stranger :
         {spec_.data_dir + "/photos", spec_.log_dir + "/version-2/letter"}) {
        install();
        put(stranger);
        const auto report = done(RemovalStage::remove);
        EXPECT_THAT(why_kept(report, spec_.data_dir), HasSubstr(stranger));
        EXPECT_TRUE(exists(spec_.data_dir + "/version-2/snapshot.0"));
        EXPECT_TRUE(exists(spec_.log_dir + "/version-2/log.1"));
        fs::remove_all(spec_.install_dir);
    }
}

// A unit of our name may run a server that its administrator started.
TEST_F(Removing, DataThatSomebodyUsesAreNotDeleted) {
    install();
    put(unit("zookeeper.service"), "[Unit]\nDescription=theirs\n");
    const std::string log = spec_.log_dir + "/version-2/log.1";
    const pid_t user = ::fork();
    if (user == 0) {
        if (::open(log.c_str(), O_RDONLY) < 0) ::_exit(1);
        ::execl("/bin/sleep", "sleep", "60", static_cast<char*>(nullptr));
        ::_exit(1);
    }
    const auto is_open = [&] {
        std::error_code code;
        return fs::read_symlink("/proc/" + std::to_string(user) + "/exe", code).filename() ==
                   "sleep" ||
               fs::read_symlink("/proc/" + std::to_string(user) + "/exe", code).filename() ==
                   "coreutils";
    };
    for (int tries = 0; tries < 1000 && !is_open(); ++tries) ::usleep(10'000);
    request_.delete_data = true;
    for (const auto stage : {RemovalStage::look, RemovalStage::stop, RemovalStage::remove}) {
        const auto refused = ask(stage);
        ASSERT_FALSE(refused.has_value());
        EXPECT_THAT(refused.error().message(),
                    HasSubstr("process " + std::to_string(user) + " has " + log + " open"));
    }
    EXPECT_EQ(asked_, "") << "all refuse before anything changes";
    EXPECT_TRUE(exists(spec_.data_dir + "/version-2/snapshot.0"));
    ::kill(user, SIGKILL);
    ::waitpid(user, nullptr, 0);
    done(RemovalStage::remove);
    EXPECT_FALSE(exists(spec_.data_dir));
}

TEST_F(Removing, DataOfAnotherServerStay) {
    request_.delete_data = true;
    install();
    put(spec_.data_dir + "/myid", "3\n");
    EXPECT_THAT(why_kept(done(RemovalStage::remove), spec_.data_dir), HasSubstr("does not say 2"));
    put(spec_.data_dir + "/myid", "2\n");
    put(spec_.data_dir + "/zkprov.node", to_json(agent_api::DataOwner{"other", ServerId(2), "g1"}));
    EXPECT_THAT(why_kept(done(RemovalStage::remove), spec_.data_dir),
                HasSubstr("server 2 of other"));
    fs::remove(spec_.data_dir + "/myid");
    fs::remove(spec_.data_dir + "/zkprov.node");
    EXPECT_THAT(why_kept(done(RemovalStage::remove), spec_.data_dir), HasSubstr("whose it is"));
    EXPECT_TRUE(exists(spec_.log_dir + "/version-2/log.1"));
}

TEST_F(Removing, CopiesStayAndAreTold) {
    install();
    put(spec_.data_dir + ".quarantine-1/version-2/log.1");
    request_.delete_data = true;
    const auto report = done(RemovalStage::remove);
    EXPECT_NE(why_kept(report, spec_.data_dir + ".quarantine-1"), "");
    EXPECT_TRUE(exists(spec_.data_dir + ".quarantine-1/version-2/log.1"));
}

TEST_F(Removing, AnotherNodeOrOtherDirectoriesAreRefused) {
    install();
    const auto refused = [&](const std::string& words) {
        for (const auto stage : {RemovalStage::look, RemovalStage::remove, RemovalStage::leave}) {
            const auto report = ask(stage);
            ASSERT_FALSE(report.has_value());
            EXPECT_EQ(agent_api::agent_errc(report.error()), AgentErrc::identity_conflict);
            EXPECT_THAT(report.error().words, HasSubstr(words));
        }
    };
    request_.sid = ServerId(3);
    refused("holds server 2 of demo");
    request_.sid = ServerId(2);
    request_.log_dir = "/var/log";
    refused("the inventory says log_dir /var/log");
    request_.log_dir = spec_.log_dir;
    request_.cluster = "prod";
    refused("server 2 of prod");
    EXPECT_TRUE(exists(spec_.conf_path));
    EXPECT_TRUE(exists(state_.file("spec.json")));
}

TEST_F(Removing, ARecordAloneIsEnoughToRefuse) {
    agent_api::RecordedIdentity identity;
    identity.cluster = "other";
    identity.sid = ServerId(2);
    ASSERT_TRUE(state_.save_identity(identity).has_value());
    EXPECT_FALSE(ask(RemovalStage::leave).has_value());
    EXPECT_TRUE(exists(state_.file("identity.json")));
}

TEST_F(Removing, UnitsAndFilesOfOthersStay) {
    install();
    put(unit("zookeeper.service"), "[Unit]\nDescription=theirs\n");
    put(spec_.conf_path, "theirs\n");
    put(spec_.install_dir + "/notes");
    done(RemovalStage::stop);
    const auto report = done(RemovalStage::remove);
    EXPECT_THAT(asked_, Not(HasSubstr("stop zookeeper.service")));
    EXPECT_THAT(asked_, Not(HasSubstr("disable zookeeper.service")));
    EXPECT_TRUE(exists(unit("zookeeper.service")));
    EXPECT_FALSE(exists(unit("zkprov-agent.service")));
    EXPECT_NE(why_kept(report, unit("zookeeper.service")), "");
    EXPECT_NE(why_kept(report, spec_.conf_path), "");
    EXPECT_NE(why_kept(report, spec_.install_dir + "/notes"), "");
    EXPECT_TRUE(exists(spec_.install_dir + "/notes"));
}

TEST_F(Removing, WhatWasChangedInOurOwnFilesGoesWithThem) {
    install();
    put(spec_.conf_path, "# Written by zkprov apply\nautopurge.purgeInterval=1\n");
    done(RemovalStage::remove);
    EXPECT_FALSE(exists(spec_.conf_path));
}

TEST_F(Removing, TheUnitThatWasThereBeforeComesBack) {
    install();
    put(unit("zookeeper.service") + ".before-zkprov", "theirs\n");
    const auto report = done(RemovalStage::remove);
    EXPECT_EQ(*read_file(unit("zookeeper.service")), "theirs\n");
    EXPECT_FALSE(exists(unit("zookeeper.service") + ".before-zkprov"));
    EXPECT_THAT(why_kept(report, unit("zookeeper.service")), HasSubstr("before zkprov"));
}

TEST_F(Removing, OnlyAnAccountThatWasMadeGoes) {
    spec_.user = spec_.group = kUser;
    install();
    const std::string account = "the account " + std::string(kUser);
    EXPECT_NE(why_kept(done(RemovalStage::remove), account), "");
    EXPECT_THAT(asked_, Not(HasSubstr("userdel")));
    ASSERT_TRUE(state_.save_made_account({kUser, 4242, ""}).has_value());
    EXPECT_THAT(why_kept(done(RemovalStage::remove), account), HasSubstr("another one"));
    ASSERT_TRUE(state_.save_made_account({kUser, user_id(kUser).value_or(0), kUser}).has_value());
    EXPECT_THAT(done(RemovalStage::remove).removed, Contains(account));
    EXPECT_THAT(asked_, HasSubstr("userdel games\n"));
    EXPECT_THAT(asked_, HasSubstr("groupdel games\n"));
}

TEST_F(Removing, AnAccountThatIsUsedStaysAndDataOfOneThatGoesAreRoots) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    spec_.user = spec_.group = kUser;
    install();
    const auto uid = user_id(kUser).value_or(0);
    const std::string log = spec_.log_dir + "/version-2/log.1";
    ASSERT_EQ(::chown(log.c_str(), uid, 0), 0);
    ASSERT_TRUE(state_.save_made_account({kUser, uid, ""}).has_value());
    const auto owner = [&] {
        struct stat status {};
        ::stat(log.c_str(), &status);
        return status.st_uid;
    };
    account_user_ = "process 1 uses it";
    EXPECT_THAT(why_kept(done(RemovalStage::remove), "the account " + std::string(kUser)),
                HasSubstr("process 1 uses it"));
    EXPECT_EQ(owner(), uid);
    account_user_.clear();
    done(RemovalStage::remove);
    EXPECT_EQ(owner(), 0U);
}

TEST_F(Removing, AMadeAccountIsRemembered) {
    EXPECT_FALSE(state_.made_account());
    ASSERT_TRUE(state_.save_made_account({"", 0, "zookeeper"}).has_value());
    EXPECT_EQ(state_.made_account()->user, "");
    EXPECT_EQ(state_.made_account()->group, "zookeeper");
    state_.forget_made_account();
    EXPECT_FALSE(state_.made_account());
}

TEST_F(Removing, TheProgramGoesWithTheLastNodeOfItsHost) {
    const std::string home = dir_ + "/home";
    put(home + "/bin/zkprov-agent");
    put(home + "/bin/zkprov-agent.new.4711");
    for (const char* node : {"/demo-1", "/demo-2"}) put(home + node + "/spec.json");
    std::vector<agent_api::KeptThing> kept;
    ASSERT_TRUE(remove_state(StateDir(home + "/demo-1"), kept).has_value());
    EXPECT_FALSE(exists(home + "/demo-1"));
    EXPECT_FALSE(remove_program(home + "/bin/zkprov-agent"));
    EXPECT_TRUE(exists(home + "/bin/zkprov-agent"));
    ASSERT_TRUE(remove_state(StateDir(home + "/demo-2"), kept).has_value());
    EXPECT_TRUE(remove_program(home + "/bin/zkprov-agent"));
    EXPECT_FALSE(exists(home));
    EXPECT_THAT(kept, IsEmpty());
}

TEST_F(Removing, AStateDirectoryLeavesWhatIsNotItsOwn) {
    put(state_.file("blobs/abc"));
    put(state_.file("mine/letter"));
    std::vector<agent_api::KeptThing> kept;
    ASSERT_TRUE(remove_state(state_, kept).has_value());
    EXPECT_FALSE(exists(state_.file("blobs")));
    EXPECT_TRUE(exists(state_.file("mine/letter")));
    ASSERT_EQ(kept.size(), 1U);
    EXPECT_EQ(kept[0].what, state_.file("mine"));
}

TEST_F(Removing, WhatMadeAHostJoinAtBootGoesOnlyOfThisEnsemble) {
    const std::string root = dir_ + "/root";
    put(root + "/etc/zkprov/first-boot.sh",
        "#!/bin/sh\n# First boot of a node of demo. Written by zkprov cloud-init\n");
    put(root + "/etc/zkprov/inventory.yaml");
    put(root + "/etc/systemd/system/zkprov-join.service");
    put(root + "/etc/systemd/system/multi-user.target.d/zkprov-join.conf");
    put(root + "/etc/systemd/system/multi-user.target.d/other.conf");
    put(root + "/usr/local/lib/zkprov/zkserver");
    std::vector<std::string> removed;
    EXPECT_THAT(first_boot_files("dem", root), IsEmpty());
    ASSERT_TRUE(remove_first_boot("other", removed, root).has_value());
    EXPECT_THAT(removed, IsEmpty());
    ASSERT_TRUE(remove_first_boot("demo", removed, root).has_value());
    EXPECT_EQ(removed.size(), 4U);
    EXPECT_EQ(removed.back(), root + "/etc/zkprov/first-boot.sh");
    EXPECT_FALSE(exists(root + "/etc/zkprov"));
    EXPECT_TRUE(exists(root + "/etc/systemd/system/multi-user.target.d/other.conf"));
    EXPECT_TRUE(exists(root + "/usr/local/lib/zkprov/zkserver"));  // nobody's stamp is beside it
}

class RemovingContainers : public Removing {
  protected:
    RemovingContainers() {
        fake_.images["zkserver:1"] = "sha256:1";
        spec_.manager = agent_api::Manager::docker;
        spec_.server_unit = "demo-2";
        spec_.files.resize(3);  // no units: the agent is a process
        auto& container = spec_.container.emplace();
        container.engine = fake_.socket();
        container.name = "demo-2";
        container.image = "zkserver:1";
        container.network = {
            agent_api::NetworkDriver::bridge, "zoonet", "172.18.0.0/16", "172.18.0.1"};
        container.address = "172.18.0.3";
        container.labels = {
            {"zkprov.cluster", "demo"}, {"zkprov.sid", "2"}, {"zkprov.flavor", "zkserver"}};
    }
    void begin() {
        install();
        ASSERT_TRUE(make_container_network(*spec_.container).has_value());
        ASSERT_TRUE(make_node_container(spec_).has_value());
        ASSERT_TRUE(start_node_container(*spec_.container).has_value());
    }
    engine::FakeEngine fake_;
};

TEST_F(RemovingContainers, ContainerAndNetworkGoAndTheImageStays) {
    begin();
    EXPECT_THAT(done(RemovalStage::look).removed, Contains("the network zoonet"));
    EXPECT_EQ(fake_.containers.size(), 1U);
    const auto report = done(RemovalStage::remove);
    EXPECT_THAT(report.removed, Contains("the container demo-2"));
    EXPECT_NE(why_kept(report, "the image zkserver:1"), "");
    EXPECT_TRUE(fake_.containers.empty());
    EXPECT_TRUE(exists(spec_.data_dir + "/version-2/snapshot.0"));
    EXPECT_THAT(done(RemovalStage::leave).removed, Contains("the network zoonet"));
    EXPECT_TRUE(fake_.networks.empty());
}

TEST_F(RemovingContainers, TheDirectoryOfTheAgentsProgramGoesWithIt) {
    const std::string programs = spec_.install_dir + "/bin";
    spec_.agent_path = programs + "/zkprov-agent";
    spec_.agent_unit = "zkprov-agent-demo-2.service";
    // As the specification of a container has it.
    std::erase_if(spec_.directories, [&](const auto& each) { return each.path == programs; });
    begin();
    ASSERT_TRUE(exists(programs + "/zkprov-agent"));
    done(RemovalStage::remove);
    EXPECT_FALSE(exists(programs));
}

/// Over SSH each has a state directory that is called after it, far from its data.
TEST_F(RemovingContainers, TheirCommonDirectoryGoesWithTheLastOfThem) {
    const std::string place = dir_ + "/cluster";
    request_.install_dir = place + "/zk2";
    request_.data_dir = place + "/zk2/data";
    request_.log_dir = place + "/zk2/datalog";
    request_.stage = RemovalStage::leave;
    const auto leave = [&](const std::string& state_dir) {
        fs::create_directories(request_.install_dir);
        const StateDir state(dir_ + state_dir);
        EXPECT_TRUE(state.prepare().has_value());
        EXPECT_TRUE(remove_node(state, request_, {}).has_value());
        EXPECT_FALSE(exists(request_.install_dir));
    };
    fs::create_directories(place + "/zk3");
    leave("/lib/demo-2");
    EXPECT_TRUE(exists(place + "/zk3"));
    fs::remove(place + "/zk3");
    leave("/lib");
    EXPECT_TRUE(exists(place)) << "nobody says that zkprov made it";
    leave("/lib/demo-2");
    EXPECT_FALSE(exists(place));
}

TEST_F(RemovingContainers, ThoseOfOthersStay) {
    begin();
    fake_.containers["demo-2"].body.replace(
        fake_.containers["demo-2"].body.find("\"zkprov.sid\":\"2\""), 16, "\"zkprov.sid\":\"3\"");
    fake_.networks["zoonet"] = R"({"Name":"zoonet","Driver":"bridge"})";
    done(RemovalStage::stop);
    const auto report = done(RemovalStage::remove);
    EXPECT_EQ(fake_.containers["demo-2"].status, "running");
    EXPECT_THAT(why_kept(report, "the container demo-2"), HasSubstr("server 3 of demo"));
    EXPECT_THAT(done(RemovalStage::leave).removed, Not(Contains("the network zoonet")));
    EXPECT_TRUE(fake_.networks.contains("zoonet"));
}

TEST_F(RemovingContainers, DataThatAnotherContainerUsesAreNotDeleted) {
    spec_.container->binds = {{spec_.data_dir, "/data", false}};
    begin();
    auto& theirs = fake_.containers["by-hand"];
    theirs.id = "theirs";
    theirs.status = "running";
    theirs.sources = {spec_.data_dir};
    request_.delete_data = true;
    const auto refused = ask(RemovalStage::look);
    ASSERT_FALSE(refused.has_value());
    EXPECT_THAT(refused.error().message(),
                HasSubstr("the container by-hand uses " + spec_.data_dir));
    EXPECT_FALSE(ask(RemovalStage::remove).has_value());
    EXPECT_EQ(fake_.containers.size(), 2U);
    theirs.status = "exited";
    done(RemovalStage::remove);
    EXPECT_FALSE(exists(spec_.data_dir));
}

TEST_F(RemovingContainers, ANetworkThatIsUsedStays) {
    begin();
    done(RemovalStage::remove);
    fake_.network_user = "somebody";
    EXPECT_THAT(why_kept(done(RemovalStage::leave), "the network zoonet"),
                HasSubstr("has active endpoints"));
    EXPECT_FALSE(exists(state_.path()));
}

}  // namespace
}  // namespace zk::agent_host
