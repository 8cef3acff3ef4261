// Copies of a data directory on a real file system: what is shared, what is copied, and what a failure leaves behind.
#include "agent_host/data_copy.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "agent_host/posix.h"
#include "disk/posix_disk.h"
#include "storage/recovery.h"

namespace zk::agent_host {
namespace {

namespace fs = std::filesystem;
using agent_api::Flavor;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class DataCopies : public testing::Test {
  protected:
    DataCopies() {
        char name[] = "/tmp/zkprov-copy-XXXXXX";
        dir_ = ::mkdtemp(name);
        data_ = dir_ + "/data";
        log_ = dir_ + "/logs";
    }
    ~DataCopies() override { fs::remove_all(dir_); }

    /// A new database, as a server makes it.
    void make_database() {
        disk::PosixDisk disk;
        const storage::Paths paths{data_, log_};
        const auto made = storage::recover(disk, paths, {});
        ASSERT_TRUE(made.has_value()) << made.error().message();
        write(data_ + "/myid", "2\n");
    }
    static void write(const std::string& path, const std::string& content) {
        std::ofstream(path, std::ios::binary) << content;
    }
    static struct stat status_of(const std::string& path) {
        struct stat status {};
        EXPECT_EQ(::stat(path.c_str(), &status), 0) << path;
        return status;
    }
    /// Names beside the data.
    std::vector<std::string> beside() const {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(dir_)) {
            const std::string name = entry.path().filename().string();
            if (name != "data" && name != "logs") names.push_back(name);
        }
        return names;
    }

    std::string dir_;
    std::string data_;
    std::string log_;
};

TEST_F(DataCopies, TheNewestAreCopiedAndOlderOnesShared) {
    make_database();
    const std::string files = data_ + "/version-2/";
    for (const char* name : {"snapshot.1", "snapshot.2", "snapshot.f"}) {
        fs::copy_file(files + "snapshot.0", files + name);
    }
    const CopySize size = copy_size(data_, log_);
    const auto copy = copy_data(data_, log_, Flavor::zkserver);
    ASSERT_TRUE(copy.has_value()) << copy.error().message();
    ASSERT_THAT(copy->directories,
                ElementsAre(StartsWith(data_ + ".before-zkserver-2"),
                            StartsWith(log_ + ".before-zkserver-2")));
    const std::string there = copy->directories[0] + "/version-2/";
    for (const char* name : {"snapshot.0", "snapshot.1"}) {
        EXPECT_EQ(status_of(there + name).st_ino, status_of(files + name).st_ino) << name;
    }
    for (const char* name : {"snapshot.2", "snapshot.f", "acceptedEpoch", "currentEpoch"}) {
        EXPECT_NE(status_of(there + name).st_ino, status_of(files + name).st_ino) << name;
        EXPECT_EQ(*read_file(there + name), *read_file(files + name)) << name;
    }
    EXPECT_EQ(*read_file(copy->directories[0] + "/myid"), "2\n");
    EXPECT_EQ(status_of(copy->directories[0]).st_mode, status_of(data_).st_mode);
    EXPECT_EQ(copy->size.copied, size.copied);
    EXPECT_EQ(copy->size.linked, size.linked);
    EXPECT_GT(size.linked, 0u);
    // What is written from now on is not in it.
    write(files + "snapshot.f", "another");
    EXPECT_EQ(*read_file(there + "snapshot.f"), *read_file(there + "snapshot.0"));
}

TEST_F(DataCopies, DamageIsToldAndNothingIsLeft) {
    make_database();
    write(data_ + "/version-2/snapshot.0", "not a snapshot");
    const auto copy = copy_data(data_, log_, Flavor::zkserver);
    ASSERT_FALSE(copy.has_value());
    EXPECT_THAT(copy.error().message(), HasSubstr("snapshot.0"));
    EXPECT_THAT(beside(), IsEmpty());
}

TEST_F(DataCopies, ToApachesServerGoesOnlyWhatItTakes) {
    make_database();
    ASSERT_TRUE(copy_data(data_, log_, Flavor::apache).has_value());
    write(data_ + "/version-2/snapshot.1.bak", "x");
    const auto copy = copy_data(data_, log_, Flavor::apache);
    ASSERT_FALSE(copy.has_value());
    EXPECT_THAT(copy.error().message(), HasSubstr("its name only resembles a snapshot's"));
    EXPECT_THAT(copy.error().message(), HasSubstr("move it away"));
    EXPECT_TRUE(copy_data(data_, log_, Flavor::zkserver).has_value());
}

TEST_F(DataCopies, WhatAKilledAgentLeftGoesAndTwoCopiesHaveTwoNames) {
    make_database();
    fs::create_directories(data_ + ".before-zkserver-20260101T000000Z.part/version-2");
    const auto first = copy_data(data_, log_, Flavor::zkserver);
    const auto second = copy_data(data_, log_, Flavor::zkserver);
    ASSERT_TRUE(first.has_value() && second.has_value());
    EXPECT_NE(first->directories, second->directories);
    EXPECT_EQ(beside().size(), 4u);
    for (const std::string& name : beside()) EXPECT_FALSE(name.ends_with(".part")) << name;
}

TEST_F(DataCopies, ADirectoryBehindALinkIsCopiedWithinItsDisk) {
    log_ = data_;
    fs::create_directories(dir_ + "/disk");
    fs::create_directory_symlink(dir_ + "/disk", data_);
    make_database();
    const auto copy = copy_data(data_, log_, Flavor::zkserver);
    ASSERT_TRUE(copy.has_value()) << copy.error().message();
    EXPECT_THAT(copy->directories, ElementsAre(StartsWith(data_ + "/data.before-zkserver-")));
    EXPECT_TRUE(exists(copy->directories[0] + "/version-2/snapshot.0"));
}

TEST_F(DataCopies, HolesStayHoles) {
    make_database();
    const std::string file = data_ + "/version-2/acceptedEpoch.old";
    write(file, "begin");
    fs::resize_file(file, 64U << 20);
    if (status_of(file).st_blocks > 1000) GTEST_SKIP() << "this file system has no holes";
    const auto copy = copy_data(data_, log_, Flavor::zkserver);
    ASSERT_TRUE(copy.has_value()) << copy.error().message();
    const auto there = status_of(copy->directories[0] + "/version-2/acceptedEpoch.old");
    EXPECT_EQ(there.st_size, 64 << 20);
    EXPECT_LT(there.st_blocks, 1000);
    EXPECT_TRUE(read_file(copy->directories[0] + "/version-2/acceptedEpoch.old", 65U << 20)
                    ->starts_with("begin"));
}

TEST_F(DataCopies, ASurveyTellsWhatTheTreeHolds) {
    make_database();
    agent_api::FactsRequest request;
    request.data_dir = data_;
    request.log_dir = log_;
    const auto survey = survey_data(request);
    EXPECT_EQ(survey.words, "");
    EXPECT_GT(survey.znodes, 0u);
    EXPECT_EQ(survey.ttl_nodes, 0u);
    fs::remove_all(data_ + "/version-2");
    EXPECT_THAT(survey_data(request).words, HasSubstr("version-2"));
}

}  // namespace
}  // namespace zk::agent_host
