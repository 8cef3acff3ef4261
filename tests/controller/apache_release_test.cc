#include "phases/apache_release.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "agent_api/digest.h"

namespace zk::phases {
namespace {

using testing::HasSubstr;

const std::string kDigest =
    "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
    "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e";

TEST(ApacheDigest, IsReadInEveryFormInWhichReleasesHaveIt) {
    EXPECT_EQ(sha512_in(kDigest + "  apache-zookeeper-3.8.4-bin.tar.gz\n"), kDigest);
    EXPECT_EQ(sha512_in(kDigest), kDigest);
    std::string printed = "apache-zookeeper-3.4.14.tar.gz: ";
    for (std::size_t i = 0; i < kDigest.size(); i += 8) {
        for (const char c : kDigest.substr(i, 8)) printed += static_cast<char>(std::toupper(c));
        printed += i % 32 == 24 ? "\n      " : " ";
    }
    EXPECT_EQ(sha512_in(printed), kDigest);
    EXPECT_EQ(sha512_in(""), "");
    EXPECT_EQ(sha512_in("<html>404</html>"), "");
    EXPECT_EQ(sha512_in(kDigest.substr(1) + "  short"), "");
}

class ApacheTarball : public ::testing::Test {
  protected:
    ApacheTarball() {
        char name[] = "/tmp/zkprov-release-XXXXXX";
        dir_ = ::mkdtemp(name);
        settings_.tarball = dir_ + "/release.tar.gz";
    }
    ~ApacheTarball() override { std::filesystem::remove_all(dir_); }
    /// By tar itself, in the layout of a release of this version.
    void pack(const std::string& version, const std::string& more = "") {
        const std::string make =
            "cd " + dir_ +
            " && mkdir -p top/bin top/conf top/lib && touch top/conf/zoo.cfg && "
            "echo jar > top/lib/zookeeper-" +
            version + ".jar" + more + " && tar -czf release.tar.gz top";
        ASSERT_EQ(std::system(make.c_str()), 0);  // NOLINT(concurrency-mt-unsafe)
    }
    void write_digest(const std::string& text) {
        std::ofstream(settings_.tarball + ".sha512") << text;
    }
    std::string take() {
        const auto taken = take_apache_release(settings_, release_);
        return taken.has_value() ? "taken" : taken.error().message();
    }
    std::string dir_;
    inventory::ApacheSettings settings_;
    Release release_;
};

TEST_F(ApacheTarball, TakesThePlaceOfOurServer) {
    pack("3.8.4");
    EXPECT_EQ(take(), "taken");
    EXPECT_EQ(release_.version, "3.8.4");
    EXPECT_EQ(release_.what, "Apache ZooKeeper 3.8.4");
    EXPECT_EQ(release_.unpacked_bytes, 4U);
    EXPECT_EQ(release_.server.path, settings_.tarball);
    EXPECT_EQ(release_.server.sha256, agent_api::sha256_hex(release_.server.content));
}

TEST_F(ApacheTarball, AWrongDigestNamesTheFileAndTheWayOut) {
    pack("3.8.4");
    write_digest(kDigest + "  release.tar.gz\n");
    EXPECT_THAT(take(), HasSubstr(settings_.tarball + ": its SHA-512 is "));
    EXPECT_THAT(take(), HasSubstr(settings_.tarball + ".sha512 says cf83e1357eefb8bd...; fetch"));
    write_digest("nothing");
    EXPECT_THAT(take(), HasSubstr(".sha512: holds no SHA-512"));
    std::filesystem::remove(settings_.tarball + ".sha512");
    settings_.sha512 = kDigest;
    EXPECT_THAT(take(), HasSubstr("the inventory says cf83e1357eefb8bd"));
    EXPECT_TRUE(release_.version.empty());
}

TEST_F(ApacheTarball, WhatIsNoReleaseIsRefused) {
    EXPECT_THAT(take(), HasSubstr("there is no such file"));
    pack("3.8.4", " && ln -s /etc top/conf/link");
    EXPECT_THAT(take(), HasSubstr(settings_.tarball + ": \"top/conf/link\" is a link to \"/etc\""));
    std::filesystem::remove_all(dir_ + "/top");
    pack("3.10.0");
    EXPECT_THAT(take(), HasSubstr("holds Apache ZooKeeper 3.10.0; zkprov knows 3.7, 3.8 and 3.9"));
    std::ofstream(settings_.tarball) << "<html>404</html>";
    EXPECT_THAT(take(), HasSubstr("give the -bin tarball"));
}

}  // namespace
}  // namespace zk::phases
