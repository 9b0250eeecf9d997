//! One command and its reply at a time: `OP_MSG` over a blocking socket,
//! <https://www.mongodb.com/docs/manual/reference/mongodb-wire-protocol/>.

use std::{
    io::{Error, ErrorKind, Read, Result, Write},
    net::TcpStream,
};

use crate::bson::{Writer, put_length};

const OP_MSG: [u8; 4] = 2013_u32.to_le_bytes();
const HEADER_BYTES: usize = 16;
const READ_BYTES: usize = 1 << 14;
/// `ok: 1.0`, the way a reply says that the command was run.
const OK: &[u8] = b"\x01ok\0\0\0\0\0\0\0\xf0\x3f";
/// Behind `ok` a member of a replica set writes its times, a good hundred bytes.
const TAIL_BYTES: usize = 300;

/// A connection to a server that asks for no authentication.
pub struct Connection {
    socket: TcpStream,
    request: Vec<u8>,
    reply: Vec<u8>,
}

impl Connection {
    /// Connects to `host:port`.
    pub fn open(address: &str) -> Result<Self> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        Ok(Self {
            socket,
            request: Vec::new(),
            reply: vec![0; READ_BYTES],
        })
    }

    /// Runs a command and gives its reply, unless the server refused it.
    pub fn run(&mut self, command: impl FnOnce(&mut Writer)) -> Result<&[u8]> {
        self.write_request(command);
        self.socket.write_all(&self.request)?;
        let length = self.read_reply()?;
        let reply = &self.reply[..length];
        let tail = &reply[length.saturating_sub(TAIL_BYTES)..];
        if contains(tail, OK) {
            Ok(reply)
        } else {
            Err(refused(reply))
        }
    }

    fn write_request(&mut self, command: impl FnOnce(&mut Writer)) {
        let request = &mut self.request;
        request.clear();
        // Length, request id, response to.
        request.extend([0; 12]);
        request.extend(OP_MSG);
        // Flags, and the kind of the one section: a document.
        request.extend([0; 5]);
        Writer::document(request, command);
        put_length(request, 0);
    }

    /// Gives the length of the reply. It takes whatever has come with each call: as a rule, all of it with the first.
    fn read_reply(&mut self) -> Result<usize> {
        let mut received = 0;
        let mut length = HEADER_BYTES;
        while received < length {
            if self.reply.len() < length {
                self.reply.resize(length, 0);
            }
            let count = self.socket.read(&mut self.reply[received..])?;
            if count == 0 {
                return Err(ErrorKind::UnexpectedEof.into());
            }
            received += count;
            length = length.max(message_length(&self.reply[..received])?);
        }
        Ok(length)
    }
}

/// The number that every message begins with. Zero before all of it has come.
fn message_length(message: &[u8]) -> Result<usize> {
    let [a, b, c, d, ..] = *message else {
        return Ok(0);
    };
    usize::try_from(u32::from_le_bytes([a, b, c, d])).map_err(Error::other)
}

fn refused(reply: &[u8]) -> Error {
    let text = String::from_utf8_lossy(reply);
    Error::other(format!("The server refused a command: {text:?}"))
}

/// Whether `bytes` holds `part`.
pub fn contains(bytes: &[u8], part: &[u8]) -> bool {
    bytes.windows(part.len()).any(|window| window == part)
}
