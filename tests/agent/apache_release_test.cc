#include "agent_host/apache_release.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

namespace zk::agent_host {
namespace {

class ApacheRelease : public ::testing::Test {
  protected:
    ApacheRelease() {
        char name[] = "/tmp/zkprov-apache-XXXXXX";
        dir_ = ::mkdtemp(name);
    }
    ~ApacheRelease() override { std::filesystem::remove_all(dir_); }
    std::string write(const std::string& name, const std::string& text) {
        std::filesystem::create_directories(
            (dir_ + "/" + name).substr(0, (dir_ + "/" + name).rfind('/')));
        std::ofstream(dir_ + "/" + name) << text;
        return dir_ + "/" + name;
    }
    std::string program(const std::string& text) {
        const std::string path = write("java", "#!/bin/sh\n" + text + "\n");
        std::filesystem::permissions(path, std::filesystem::perms::owner_all);
        return path;
    }
    std::string dir_;
};

TEST_F(ApacheRelease, IsKnownByItsRecord) {
    const std::string digest(64, 'a');
    EXPECT_EQ(recorded_release(write("r/zkprov.release", digest + "\n")), digest);
    EXPECT_EQ(release_flavor(dir_ + "/r"), "apache");
    EXPECT_TRUE(is_begun_apache_release(dir_ + "/r"));
    EXPECT_EQ(recorded_release(write("s/zkprov.release", "no digest\n")), "");
    EXPECT_EQ(recorded_release(dir_ + "/none"), "");
    write("ours/bin/zkserver", "x");
    EXPECT_EQ(release_flavor(dir_ + "/ours"), "zkserver");
    EXPECT_FALSE(is_begun_apache_release(dir_ + "/ours"));
    EXPECT_EQ(release_flavor(dir_ + "/none"), "");
}

TEST_F(ApacheRelease, AnotherTarballThanWasSentIsNotUnpacked) {
    const auto staged =
        stage_apache_release(write("t.tar.gz", "x"), std::string(64, 'b'), dir_ + "/staged");
    ASSERT_FALSE(staged.has_value());
    EXPECT_EQ(staged.error().code, make_error_code(Errc::corrupt));
    EXPECT_FALSE(std::filesystem::exists(dir_ + "/staged"));
}

TEST_F(ApacheRelease, JavaSaysItsVersion) {
    EXPECT_EQ(java_version_in("openjdk version \"1.8.0_402\"\nOpenJDK"), 8);
    EXPECT_EQ(java_version_in("openjdk version \"17.0.15\" 2025-04-15"), 17);
    EXPECT_EQ(java_version_in("Picked up _JAVA_OPTIONS: -Xmx1g\njava version \"11\""), 11);
    EXPECT_EQ(java_version_in("openjdk version \"23-ea\" 2024"), 23);
    EXPECT_EQ(java_version_in("command not found"), 0);
    const Java good = ask_java(program("echo 'openjdk version \"21.0.2\" x' >&2"));
    EXPECT_EQ(good.version, 21);
    EXPECT_EQ(good.words, "openjdk version \"21.0.2\" x");
    const Java failed = ask_java(program("echo 'libjvm.so is missing' >&2; exit 1"));
    EXPECT_EQ(failed.version, 0);
    EXPECT_EQ(failed.words, "libjvm.so is missing");
    EXPECT_EQ(ask_java(dir_ + "/none").words, "there is no " + dir_ + "/none");
}

}  // namespace
}  // namespace zk::agent_host
